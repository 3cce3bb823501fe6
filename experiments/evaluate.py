"""Scores a list of videos with one row's model, through the very reader, decoder, views and model of a test."""

import contextlib
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import torch
from lightning import Trainer, seed_everything
from safetensors import SafetensorError
from safetensors.torch import load_file

from data.datamodule import VideoDataModule
from data.datasets.kinetics import Kinetics
from data.errors import DataError
from experiments.provenance import provenance
from experiments.resources import Resources
from experiments.run import RunConfig
from experiments.store import RunStore
from experiments.train import quiet_lightning, trained_weights
from lightning_modules.classifier import VideoClassifier
from lightning_modules.objective import VerbNoun
from lightning_modules.views import FAILED, MISSING
from models.pretrained import load_released
from models.trunk import VideoViT


def load_weights(module: VideoClassifier, run: RunConfig, store: RunStore, file: Path | None, untrained: bool) -> str:
    """Give the model its weights and say where they come from.

    Raises:
        ValueError: when there are none, or the file holds another model.
        DataError: when there is no such file.
    """
    if untrained:
        return "none: random weights, the scores mean nothing"
    if file is not None and file.is_dir():
        raise DataError(f"weights: {file} is a folder; name a file in it")
    if file is not None and file.suffix == ".safetensors":
        try:
            module.model.load_state_dict(load_file(file))
        except FileNotFoundError:
            raise DataError(f"weights: there is no file {file}") from None
        except (SafetensorError, RuntimeError) as error:
            what = textwrap.shorten(str(error).partition(":\n")[2] or str(error), 200)
            raise ValueError(f"{file} does not hold this row's model: {what}") from None
        return str(file)
    if file is not None:
        assert isinstance(module.model, VideoViT)
        return str(load_released(module.model, file))
    trained = store.run(run.train_id).weights
    if not trained.exists():
        raise ValueError(
            f"run {run.train_id} is not trained: run it first, or name weights with --weights FILE, "
            f"or try the path only with --untrained"
        )
    module.model.load_state_dict(trained_weights(trained))
    return str(trained)


def evaluate(
    run: RunConfig,
    store: RunStore,
    resources: Resources,
    video_list: Path,
    *,
    weights: Path | None = None,
    untrained: bool = False,
) -> dict[str, object]:
    """Scores of every video of a `path label` list: how they came about, accuracies, and the best classes a video.

    Raises:
        ValueError: for weights that are missing or another model's.
        DataError: for a list or videos that cannot be used.
    """
    quiet_lightning()
    if isinstance(run.objective, VerbNoun):
        raise ValueError(
            "this row tells verbs and nouns, and a list has one label a video: test it with `reproduce run`"
        )
    if not video_list.is_file():
        raise DataError(f"--list {video_list}: there is no such file; it holds one 'path label' a line")
    dataset = Kinetics.Config(name="list", num_classes=run.data.dataset.num_classes, root_is_list=True)
    listed = replace(run, data=replace(run.data, dataset=dataset))
    seed_everything(run.seed, verbose=False)
    datamodule = VideoDataModule(
        listed.data,
        run.evaluation,
        root=video_list,
        seed=run.seed,
        batch_size=1,
        test_batch_size=resources.test_batch(run.data, run.evaluation.crops),
        num_workers=resources.num_workers(run.data),
        allow_bad=resources.allow_bad,
    )
    module = listed.build()
    source = load_weights(module, run, store, weights, untrained)
    trainer = Trainer(
        devices=1,
        precision=run.optim.precision if torch.cuda.is_available() else "32-true",
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    with contextlib.redirect_stdout(sys.stderr):  # Lightning's bar; the answer alone goes to stdout
        trainer.test(module, datamodule, verbose=False, weights_only=True)
    scores = module.scores
    scores.check(datamodule.num_test_videos, run.evaluation.views)
    accuracy = scores.accuracy()
    videos = []
    for index, name in enumerate(datamodule.test_video_ids):
        video = scores.videos[index]
        mean = video.scores / (run.evaluation.views * run.evaluation.crops)
        best = mean.topk(min(5, len(mean)))
        state = {FAILED: "failed", MISSING: "missing"}.get(video.status, "evaluated")
        top = [{"class": int(c), "score": float(s)} for s, c in zip(*best, strict=True)] if state == "evaluated" else []
        videos.append({"video": name, "label": video.label, "state": state, "top": top})
    return {
        "weights": source,
        "views": run.evaluation.views,
        "crops": run.evaluation.crops,
        "top1": accuracy.top1,
        "top5": accuracy.top5,
        "evaluated": accuracy.evaluated,
        "failed": accuracy.failed,
        "missing": accuracy.missing,
        "videos": videos,
        **provenance(),
    }


def evaluation_text(result: dict[str, object]) -> str:
    """The same for people."""
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
