"""Scores a list of videos with one row's model, by the reader, decoder, views and model of a test."""

import contextlib
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

from lightning import seed_everything
from torch import nn

from data.errors import DataError
from experiments.runner.files import StoreError
from experiments.runner.provenance import provenance
from experiments.runner.resources import BatchSplit, Resources
from experiments.runner.store import RunStore
from experiments.runner.train import data_module
from experiments.runner.trainer import make_trainer, quiet_lightning
from experiments.runner.weights import Weights, load_weights, weights_of
from experiments.spec.run import RunConfig
from lightning_modules.scores import EVALUATED, ViewScores

NUM_SHOWN = 5  # best classes of each video


def evaluate(
    run: RunConfig,
    store: RunStore,
    resources: Resources,
    video_list: Path,
    *,
    weights: Path | None = None,
    untrained: bool = False,
) -> dict[str, object]:
    """Score every video of a `path label` list: provenance, accuracies, and the best classes of each video.

    Args:
        weights: a released checkpoint or a .safetensors file; None for those of the run.
        untrained: whether random weights will do.

    Raises:
        ValueError: for weights that are missing or another model's.
        DataError: for a list or videos that cannot be used.
    """
    quiet_lightning()
    if not video_list.is_file():
        raise DataError(f"--list {video_list}: there is no such file; it holds one 'path label' a line")
    listed = replace(run, data=run.data.from_list())
    seed_everything(run.seed, verbose=False)
    one_device = replace(resources, devices=1, nodes=1)
    datamodule = data_module(listed, one_device, root=video_list, split=BatchSplit(1, 1))
    module = listed.build()
    source = fill(module.model, run, store, weights, untrained)
    trainer = make_trainer(run, one_device)
    with contextlib.redirect_stdout(sys.stderr):  # Lightning's bar; stdout is for the answer
        trainer.test(module, datamodule, verbose=False, weights_only=True)
    scores = module.scores
    assert isinstance(scores, ViewScores)
    scores.check(datamodule.num_test)
    result = scores.result()
    videos = []
    for index, name in enumerate(datamodule.test_list.ids):
        video = scores.items[index]
        mean = scores.mean(index)
        best = mean.topk(min(NUM_SHOWN, len(mean)))
        top = [{"class": int(c), "score": float(s)} for s, c in zip(*best, strict=True)]
        is_scored = video.state == EVALUATED
        videos.append({"video": name, "label": video.label, "state": video.state, "top": top if is_scored else []})
    return {
        "weights": source,
        "views": run.evaluation.views,
        "crops": run.evaluation.crops,
        **result.metrics,
        "evaluated": result.evaluated,
        "failed": result.failed,
        "missing": result.missing,
        "videos": videos,
        **provenance(),
    }


def fill(model: nn.Module, run: RunConfig, store: RunStore, file: Path | None, untrained: bool) -> str:
    """Load a model's weights; returns their source.

    Raises:
        ValueError: when there are none, or the file holds another model.
        DataError: when there is no such file.
    """
    if untrained:
        return "none: random weights, the scores mean nothing"
    if file is None:
        found = weights_of(run, store)
        if found is None or found.released is not None:
            raise ValueError(
                f"run {run.train_id} is not trained: run it first, or name weights with --weights FILE, "
                f"or try the path only with --untrained"
            )
        load_weights(model, run, store, found)
        return "those of its parents" if found.path is None else str(found.path)
    if file.is_dir():
        raise DataError(f"weights: {file} is a folder; name a file in it")
    if file.suffix != ".safetensors":
        return str(run.model.load_released(model, file, run.data.size))
    if not file.exists():
        raise DataError(f"weights: there is no file {file}")
    try:
        load_weights(model, run, store, Weights(file, None))
    except (StoreError, RuntimeError) as error:
        what = (
            "it is cut short or damaged"
            if isinstance(error, StoreError)
            else str(error).partition(":\n")[2] or str(error)
        )
        what = textwrap.shorten(what, 200)
        raise ValueError(f"{file} does not hold this row's model: {what}") from None
    return str(file)


def evaluation_text(result: dict[str, object]) -> str:
    """The result for people."""
    lines = [f"weights: {result['weights']}", f"views x crops: {result['views']} x {result['crops']}", ""]
    videos = result["videos"]
    assert isinstance(videos, list)
    for video in videos:
        best = ", ".join(f"{entry['class']} ({entry['score']:.3f})" for entry in video["top"]) or video["state"]
        lines.append(f"{video['video']}: label {video['label']}, predicted {best}")
    lines.append("")
    lines.append(
        f"top-1 {result['top1']:.1f}, top-5 {result['top5']:.1f} "
        f"({result['evaluated']} evaluated, {result['failed']} failed, {result['missing']} missing)"
    )
    return "\n".join(lines)
