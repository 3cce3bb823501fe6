"""Disk space that runs will need: weights, scores, checkpoints during the training, and generated data."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import NamedTuple

from data.synthetic.ensure import StandIn, bytes_to_generate
from data.worker_processes import worker_pool
from experiments.spec.run import RunConfig
from models.cost import num_parameters

BYTES_PER_NUMBER = 4
# The last two checkpoints are kept, and one is written completely before it replaces the last one.
COPIES_OF_CHECKPOINT = 3


class DiskUse(NamedTuple):
    """Bytes of the files of a run.

    `weights`, `predictions`: files that stay. Predictions are the scores of each view of each test item.
    `checkpoint`: largest size of the checkpoints during the training, which the end of the training removes.
    """

    weights: int
    predictions: int
    checkpoint: int


@contextmanager
def counted_parameters(runs: Sequence[RunConfig]) -> Iterator[Future[Mapping[str, int]]]:
    """Numbers of trained parameters of runs by `train_id`, counted in another process while this one does other work.

    Building a model imports libraries for seconds.
    """
    with worker_pool(1) as pool:
        yield pool.submit(_trained_parameters, runs)


def _trained_parameters(runs: Sequence[RunConfig]) -> dict[str, int]:
    """Numbers of trained parameters. Runs whose model cannot be built have none."""
    counts = {}
    for run in runs:
        try:
            counts[run.train_id] = num_parameters(run.model.on_meta(run.data.size, run.data.targets), trainable=True)
        except ValueError:
            counts[run.train_id] = 0
    return counts


def disk_use(run: RunConfig, num_test: int, trained_parameters: int) -> DiskUse:
    """Bytes of the files that a run will write.

    Args:
        trained_parameters: number of parameters that are still to be trained; 0 for a run that is only tested.
    """
    predictions = num_test * run.evaluation.views * sum(run.data.targets.classes.values()) * BYTES_PER_NUMBER
    weights = trained_parameters * BYTES_PER_NUMBER
    states = 0 if run.optim is None else run.optim.optimizer.num_states
    return DiskUse(weights, predictions, COPIES_OF_CHECKPOINT * (1 + states) * weights)


def total(uses: Iterable[DiskUse], stand_ins: Iterable[StandIn], parallel: int) -> int:
    """Bytes of runs and of stand-ins that are not generated yet.

    Args:
        parallel: number of runs that train at a time, each with its checkpoints.
    """
    uses = list(uses)
    checkpoints = sorted((use.checkpoint for use in uses), reverse=True)[:parallel]
    generated = sum(bytes_to_generate(stand_in) for stand_in in set(stand_ins))
    return sum(use.weights + use.predictions for use in uses) + sum(checkpoints) + generated
