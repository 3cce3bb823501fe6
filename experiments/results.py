"""What a finished test leaves behind: per-video scores, and the metrics with how they came about."""

import json

import numpy as np

from data.datamodule import VideoDataModule
from data.errors import DataError
from experiments.provenance import provenance
from experiments.released import WARNING
from experiments.run import RunConfig
from experiments.store import RunDirectory, read_json, read_record, replacing, write_atomically
from lightning_modules.views import VideoScores

TRAINING = ("device_hours", "replaced_in_training")


def keep_start(directory: RunDirectory, released: dict | None) -> None:
    """Write which released weights a training starts from, where it does; None for any other start."""
    if released is None:
        directory.start.unlink(missing_ok=True)
    else:
        write_atomically(directory.start, json.dumps(file_and_sum(released), indent=1) + "\n")


def file_and_sum(released: dict) -> dict[str, str]:
    """What tells released weights apart."""
    return {name: released[name] for name in ("file", "sha256")}


def keep_training(directory: RunDirectory, *, device_seconds: float, replaced: int) -> None:
    """Write what a finished training took, and how many of its videos others stood in for."""
    started_from = read_json(directory.start)
    record = {
        "device_hours": device_seconds / 3600,
        "replaced_in_training": replaced,
        **({"started_from": started_from} if started_from is not None else {}),
        **provenance(),
    }
    write_atomically(directory.training, json.dumps(record, indent=1) + "\n")


def keep_test(
    run: RunConfig,
    directory: RunDirectory,
    scores: VideoScores,
    datamodule: VideoDataModule,
    *,
    precision: str,
    devices: int,
    seconds: float,
    released: dict | None,
) -> None:
    """Write per-video scores, then the metrics, each as a whole.

    Args:
        seconds: what the process has taken.
        released: what is known of the released weights that were tested; None for the run's own.

    Raises:
        DataError: when more videos than may be could not be read.
        StoreError: when the results cannot be written.
    """
    scores.check(datamodule.num_test_videos, run.evaluation.views)
    accuracy = scores.accuracy()
    # Each process has counted its own share: together they may have passed the limit.
    limit = datamodule.bad_videos("test", datamodule.test_videos).allowed
    if accuracy.failed + accuracy.missing > limit:
        raise DataError(
            f"{accuracy.failed + accuracy.missing} of {datamodule.num_test_videos} test videos cannot be read, more "
            f"than the {limit} that may be; the log names them; repair them or allow more with --allow-bad N"
        )
    order = sorted(scores.videos)
    with replacing(directory.predictions(run.eval_id, released=released is not None)) as partial:
        np.savez(
            partial,
            scores=np.stack([scores.videos[i].scores.numpy() for i in order]),
            labels=np.array([scores.videos[i].label for i in order]),
            status=np.array([scores.videos[i].status for i in order]),
            videos=np.array(datamodule.test_video_ids),
        )
    training = read_record(directory.training, TRAINING) if released is None else None
    how = {
        "seed": run.seed,
        "views": run.evaluation.views,
        "crops": run.evaluation.crops,
        "videos": {"evaluated": accuracy.evaluated, "failed": accuracy.failed, "missing": accuracy.missing},
        "replaced_in_training": training["replaced_in_training"] if training is not None else 0,
        "data": {"name": run.data.dataset.name, "fingerprint": datamodule.fingerprint},
        "precision": precision,
        "devices": devices,
        "seconds": round(seconds, 1),
        **provenance(),
    }
    metrics = {"train_id": run.train_id, "eval_id": run.eval_id, **accuracy.percent, **how}
    if released is not None:
        metrics["released_weights"] = file_and_sum(released)
        if str(released.get("values", "")).startswith(WARNING):
            metrics["released_weights"]["values"] = released["values"]
    else:
        write_atomically(directory.provenance, json.dumps(how, indent=1) + "\n")
    if training is not None:
        metrics["device_hours"] = training["device_hours"]
        if "started_from" in training:
            metrics["started_from"] = training["started_from"]
    metrics["classes"] = named(scores.hits_by_class(), datamodule.test_videos.class_names)
    write_atomically(
        directory.metrics(run.eval_id, released=released is not None), json.dumps(metrics, indent=1) + "\n"
    )


def named(hits: dict[int, tuple[int, int]], names: tuple[str, ...]) -> dict[str, list[int]]:
    """Videos that are right and all videos of each class, by its name, or its number where it has none."""
    return {names[label] if label < len(names) else str(label): list(counts) for label, counts in hits.items()}
