"""Verbs of one run of a row, and of its weights: `reproduce attention`, `evaluate` and `import-weights`."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from msgspec import to_builtins

from data.errors import escaped
from experiments.spec.catalog import find, released_weights
from experiments.spec.figure_runs import selected_runs
from experiments.spec.figures import AttentionQuery
from experiments.spec.run import RunConfig
from experiments.spec.scales import SCALES, Scale, find_scale
from reproduce.next_command import next_command, say_next
from reproduce.options import DONE, Attention, Evaluate, ImportWeights, RunOfRow
from reproduce.selection import note_renamed, resources_of, store_of
from reproduce.terminal import wrapped
from runner.store.jobs import run_of_row, runs_of_row
from runner.store.store import RunStore
from runner.weights.released import released_remedies
from runner.weights.weights import existing_weights, weights_of

NO_NAMES = "classes are numbers: no names are known; give them with --classes FILE, one a line{}"


def execute(options: Attention | Evaluate | ImportWeights) -> int:
    match options:
        case Attention():
            draw_attention(options)
        case Evaluate():
            evaluate_videos(options)
        case ImportWeights():
            import_file(options)
    return DONE


def one_run(options: RunOfRow, scale: Scale | None = None) -> tuple[str, RunConfig]:
    """Column key and run of the row in the options, at their scale or another one; as `run_of_row`."""
    scale = scale or find_scale(options.scale)
    return run_of_row(options.table, options.column, scale, options.overrides, options.seed)


def chosen_videos(options: Attention | Evaluate) -> Path | list[Path] | None:
    """List file, or videos and folders, in place of the data set, but not both; None if neither is named."""
    if options.video_list is not None and options.videos:
        raise ValueError(f"{options.verb}: {options.videos[0]} is beside --list {options.video_list}; name one of them")
    return options.video_list or list(options.videos) or None


def check_weights(options: Attention | Evaluate, column: str, run: RunConfig, store: RunStore) -> None:
    if weights_of(run, store) is not None:
        return
    if store.run(run.train_id).training.exists():
        existing_weights(run, store)  # says that they are lost
    note_renamed([run], store)
    train = next_command("run", options, [options.table], ["--column", column])
    remedies = [f"train it with `{train}`", *released_remedies(run, options.table)]
    if isinstance(options, Evaluate):
        remedies += other_scales(options, store)
        remedies.append("name a file with --weights FILE, or test the command with --untrained")
    raise ValueError(
        f"{options.table} has no weights at --scale {options.scale} (run {run.train_id} in {store.root.resolve()}): "
        f"{'; or '.join(remedies)}"
    )


def other_scales(options: Evaluate, store: RunStore) -> Iterator[str]:
    for scale in SCALES.values():
        with suppress(ValueError, OSError):  # overrides of this scale alone; damaged records
            run = one_run(options, scale)[1]
            if scale.name != options.scale and weights_of(run, store) is not None:
                yield f"add --scale {scale.name}, at which this row has weights"


def draw_attention(options: Attention) -> None:
    """Draw the attention of the query in the table's figure, with the changes in the arguments."""
    column, run = one_run(options)
    store, resources = store_of(options), resources_of(options)
    check_weights(options, column, run, store)
    from reports.figures.strips import provenance_text, save_strips  # here, as below: no other verb needs it
    from runner.inference.pictures import attention_maps

    videos, query = chosen_videos(options), query_of(run, options)
    queries = [replace(query, attention=name) for name in options.attention or (query.attention,)]
    found = [attention_maps(run, store, resources, one, videos) for one in queries]
    save_strips(options.table, found, find_scale(options.scale), options.out, options.overrides)
    for maps in found:
        print(f"{options.out}: {provenance_text(maps)}")


def query_of(run: RunConfig, options: Attention) -> AttentionQuery:
    """Query of a run in the table's figure, or the default one, with the changes in the options but the attention."""
    query = AttentionQuery()
    if chosen_videos(options) is None:
        shown = selected_runs(find([options.table]), find_scale(options.scale), options.overrides, options.all_seeds)
        queries = (one.shown for one in shown if one.run == run and isinstance(one.shown, AttentionQuery))
        query = next(queries, query)
    x, y = options.query or (None, None)
    changes = {"x": x, "y": y, **{name: getattr(options, name) for name in ("video", "frame", "block", "head")}}
    return replace(query, **{name: value for name, value in changes.items() if value is not None})


def import_file(options: ImportWeights) -> None:
    """Check a released checkpoint against the model of a row and save its weights.

    A file in the paper's list of released weights can only be imported for its own run.
    """
    from runner.inference.evaluate import weight_file
    from runner.weights.released import import_text, import_weights

    table, rows = find([options.table])[0]
    released = released_weights(table.paper)
    entry = released.find(options.file.stem) if released is not None else None
    place = (find_scale(options.scale), options.overrides, options.seed)
    runs = runs_of_row(options.table, *place)
    if entry is not None:
        train_id = runs_of_row(entry.row, *place)[entry.column].train_id
        columns = [key for key, run in runs.items() if run.train_id == train_id]
        if not columns or options.column not in (None, *columns):
            raise ValueError(
                f"{options.file.name} holds the weights of {entry.row} (column {entry.column}), which is another run "
                f"than this; import it with --as {entry.row}, or rename the file if it holds others"
            )
        options = replace(options, column=options.column or columns[0])
    column, run = one_run(options)
    cell, file = f"{table.name}:{rows[0] if rows else ''}.{column}", weight_file(options.file)
    record = import_weights(run, store_of(options), file, released, cell=cell, replace=options.replace)
    print(json.dumps(to_builtins(record), indent=1) if options.json else import_text(record))
    several = len({run.train_id for run in runs.values()}) > 1
    say_next("run", options, [options.table], [*(["--column", column] if several else []), "--eval-only"])


def evaluate_videos(options: Evaluate) -> None:
    if options.weights is not None and options.untrained:
        raise ValueError("evaluate: --untrained takes random weights, not those of --weights; leave one of them out")
    column, run = one_run(options)
    store, videos = store_of(options), chosen_videos(options)
    if videos is None:
        raise ValueError("evaluate: name videos or folders of videos, or a list of videos with labels with --list FILE")
    if options.weights is None and not options.untrained:
        check_weights(options, column, run, store)
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
