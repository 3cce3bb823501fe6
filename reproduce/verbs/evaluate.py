"""`reproduce evaluate`: predicts the classes of videos with the model of a row, and scores those that have labels."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from itertools import chain

from data.errors import escaped
from experiments.spec.catalog import find, released_weights
from experiments.spec.scales import SCALES
from reproduce.one_run import check_weights, chosen_videos, one_run
from reproduce.options import DONE, Evaluate
from reproduce.selection import resources_of, store_of
from reproduce.terminal import wrapped
from runner.store.store import RunStore
from runner.weights.weights import weights_of

NO_NAMES = "classes are numbers: no names are known; give them with --classes FILE, one a line{}"
ALTERNATIVES = "name a file with --weights FILE, or test the command with --untrained"


def execute(options: Evaluate) -> int:
    if options.weights is not None and options.untrained:
        raise ValueError("evaluate: --untrained takes random weights, not those of --weights; leave one of them out")
    column, run = one_run(options, options.column)
    store, videos = store_of(options), chosen_videos(options)
    if videos is None:
        raise ValueError("evaluate: name videos or folders of videos, or a list of videos with labels with --list FILE")
    if options.weights is None and not options.untrained:
        check_weights(options, column, run, store, chain(other_scales(options, store), [ALTERNATIVES]))
    from runner.inference.evaluate import evaluate  # here: it imports the decoders

    scores = evaluate(
        run,
        store,
        resources_of(options),
        videos,
        weights=options.weights,
        untrained=options.untrained,
        released=released_weights(find([options.table])[0].table.paper),
        classes=options.classes,
    )
    row = {"row": options.table, "column": column, "scale": options.scale, "overrides": options.overrides}
    result = {**row, "train_id": run.train_id, "eval_id": run.eval_id, "seed": run.seed, **scores}
    dataset = None if run.data.dataset.stand_in is not None else run.data.dataset.name
    print(json.dumps(result, indent=1) if options.json else evaluation_text(result, dataset))
    return DONE


def other_scales(options: Evaluate, store: RunStore) -> Iterator[str]:
    for scale in SCALES.values():
        with contextlib.suppress(ValueError, OSError):  # overrides of this scale alone; damaged records
            run = one_run(options, options.column, scale)[1]
            if scale.name != options.scale and weights_of(run, store) is not None:
                yield f"add --scale {scale.name}, at which this row has weights"


def evaluation_text(result: Mapping[str, object], dataset: str | None = None) -> str:
    """Result as text. `dataset`: data set whose folder may have the names of the classes; None if there is none."""
    videos, metrics = result["videos"], result["metrics"]
    assert isinstance(videos, list)
    lines = [
        f"weights: {result['weights']}",
        f"views x crops: {result['views']} x {result['crops']}; scores: mean {result['score']} over views and crops",
    ]
    best = [entry for video in videos for entry in video["top"]]
    if best and not any(entry["name"] for entry in best):
        folder = "" if dataset is None else f", or with its folder: --data {dataset}=PATH"
        lines.append(NO_NAMES.format(folder))
    lines += ["", *map(video_text, videos), ""]
    counts = f"{result['evaluated']} evaluated, {result['failed']} failed, {result['missing']} missing"
    scores = ", ".join(f"{name} {value:.1f}" for name, value in metrics.items()) if isinstance(metrics, dict) else ""
    lines.append(f"{scores} ({counts})" if scores else f"{counts}; no labels, so no accuracy")
    return "\n".join(wrapped(line, indent=4) for line in lines)


def video_text(video: dict) -> str:
    """Label of a video and its best classes as text. Kinds of label are named if there are several."""
    numbers, names = video["label"], video["label_name"]
    if not isinstance(numbers, dict):
        numbers, names = {"": numbers}, {"": names}
    label = ", ".join(f"{kind} {numbers[kind] if name is None else name}".strip() for kind, name in names.items())
    by_kind: dict[str, list[str]] = {}
    for entry in video["top"]:
        name = entry["class"] if entry["name"] is None else entry["name"]
        by_kind.setdefault(entry["kind"], []).append(f"{name} ({entry['score']:.3f})")
    best = [f"{kind if len(by_kind) > 1 else ''} {', '.join(texts)}".strip() for kind, texts in by_kind.items()]
    error = f" ({video['error']})" if "error" in video else ""
    found = f"predicted {'; '.join(best)}" if best else f"{video['state']}{error}"
    return f"{escaped(video['video'])}: {'' if video['label'] is None else f'label {label}, '}{found}"
