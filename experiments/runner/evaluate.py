"""Scores of a list of videos. Reading, decoding, views and model are those of a row's test."""

import contextlib
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lightning import seed_everything
from torch import Tensor, nn

from data.errors import DataError
from experiments.runner.files import StoreError
from experiments.runner.import_weights import stated_settings
from experiments.runner.provenance import provenance
from experiments.runner.resources import BatchSplit, Resources
from experiments.runner.store import RunStore
from experiments.runner.train import data_module
from experiments.runner.trainer import make_trainer, quiet_lightning
from experiments.runner.video_list import listed_run
from experiments.runner.weights import Weights, existing_weights, load_weights
from experiments.spec.released import ReleasedWeights
from experiments.spec.run import RunConfig
from lightning_modules.scores import EVALUATED, ViewScores

NUM_SHOWN = 5  # best classes per video


def evaluate(
    run: RunConfig,
    store: RunStore,
    resources: Resources,
    video_list: Path,
    *,
    weights: Path | None = None,
    untrained: bool = False,
    released: ReleasedWeights | None = None,
) -> dict[str, object]:
    """Accuracies on a list of videos with their labels, the best classes of each video and kind of label, provenance.

    Args:
        weights: a released checkpoint or a .safetensors file; None for the weights of the run.
        untrained: use random weights.
        released: released weights of the paper, which check the settings that a file states.

    Raises:
        ValueError: if there are no weights, or they are of another model.
        DataError: if the list or too many of its videos cannot be read.
    """
    quiet_lightning()
    listed = listed_run(run, video_list)
    seed_everything(run.seed, verbose=False)
    one_device = replace(resources, devices=1, nodes=1)
    datamodule = data_module(listed, one_device, root=video_list, split=BatchSplit(1, 1))
    module = listed.build()
    source = load_chosen_weights(module.model, run, store, weights, untrained, released)
    trainer = make_trainer(run, one_device)
    with contextlib.redirect_stdout(sys.stderr):  # Lightning's progress bar; stdout is for the result
        trainer.test(module, datamodule, verbose=False, weights_only=True)
    scores = module.scores
    if not isinstance(scores, ViewScores):
        raise ValueError(f"evaluate: the scores of {type(run.objective).__qualname__} are not scores of classes")
    scores.check(datamodule.num_test)
    result = scores.result()
    classes, videos = run.data.targets.classes, []
    for index, name in enumerate(datamodule.test_list.ids):
        video = scores.items[index]
        label = video.label if isinstance(video.label, int) else dict(zip(classes, video.label, strict=True))
        top = best_classes(scores.mean(index), classes) if video.state == EVALUATED else []
        videos.append({"video": name, "label": label, "state": video.state, "top": top})
    return {
        "weights": source,
        "data": datamodule.fingerprint().as_json(),
        "views": run.evaluation.views,
        "crops": run.evaluation.crops,
        "metrics": result.metrics,
        "evaluated": result.evaluated,
        "failed": result.failed,
        "missing": result.missing,
        "videos": videos,
        **provenance(),
    }


def best_classes(scores: Tensor, classes: Mapping[str, int]) -> list[dict[str, object]]:
    """Classes with the best scores (C,) of each kind of label, the best first.

    Args:
        classes: number of classes of each kind.
    """
    found: list[dict[str, object]] = []
    for kind, of_kind in zip(classes, scores.split(list(classes.values())), strict=True):
        best = of_kind.topk(min(NUM_SHOWN, len(of_kind)))
        found += [{"kind": kind, "class": int(c), "score": float(s)} for s, c in zip(*best, strict=True)]
    return found


def load_chosen_weights(
    model: nn.Module,
    run: RunConfig,
    store: RunStore,
    file: Path | None,
    untrained: bool,
    released: ReleasedWeights | None,
) -> str:
    """Load the weights that the user has chosen; returns their source.

    Raises:
        ValueError: if there are none, or the file contains another model.
        DataError: if there is no such file.
    """
    if untrained:
        return "none: random weights, the scores mean nothing"
    if file is None:
        try:
            weights = existing_weights(run, store)
        except ValueError as error:
            raise ValueError(
                f"{error}; or name a file with --weights FILE, or test the command with --untrained"
            ) from None
        load_weights(model, run, store, weights)
        if weights.released is not None:
            return f"imported from {weights.released['file']}"
        return "those of its parents" if weights.path is None else str(weights.path)
    if file.is_dir():
        raise DataError(f"weights: {file} is a folder; name a file in it")
    if file.suffix != ".safetensors":
        report = run.model.load_released(model, file, run.data.size)
        stated_settings(run, file, report, released)
        return str(report)
    if not file.exists():
        raise DataError(f"weights: there is no file {file}")
    try:
        load_weights(model, run, store, Weights(file, None))
    except StoreError as error:
        raise ValueError(str(error)) from None
    return str(file)


def evaluation_text(result: dict[str, object]) -> str:
    """Result as text."""
    lines = [f"weights: {result['weights']}", f"views x crops: {result['views']} x {result['crops']}", ""]
    videos = result["videos"]
    assert isinstance(videos, list)
    lines += map(video_text, videos)
    metrics = result["metrics"]
    assert isinstance(metrics, dict)
    lines.append("")
    lines.append(
        f"{', '.join(f'{name} {value:.1f}' for name, value in metrics.items())} "
        f"({result['evaluated']} evaluated, {result['failed']} failed, {result['missing']} missing)"
    )
    return "\n".join(lines)


def video_text(video: dict) -> str:
    """Label of a video and its best classes as text. Kinds of label are named if there are several."""
    label, by_kind = video["label"], {}
    for entry in video["top"]:
        by_kind.setdefault(entry["kind"], []).append(f"{entry['class']} ({entry['score']:.3f})")
    best = {kind: ", ".join(texts) for kind, texts in by_kind.items()}
    if isinstance(label, dict):
        label = ", ".join(f"{kind} {number}" for kind, number in label.items())
        best = {kind: f"{kind} {text}" for kind, text in best.items()}
    return f"{video['video']}: label {label}, predicted {'; '.join(best.values()) or video['state']}"
