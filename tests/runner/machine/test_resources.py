"""Resources of the machine: ranks, loading processes, batch splits, and checks before a run."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from data.errors import DataError
from experiments.motionformer.base import K400
from experiments.motionformer.tiny import TINY as RECIPE
from experiments.spec.edits import Edit, apply, data, evaluation, model, optim
from experiments.spec.run import RunConfig
from experiments.spec.scales import TINY
from lightning_modules.mixup import Mixup
from runner.machine.resources import BatchSplit, Resources, TooFewItemsError

NAMES = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "NODE_RANK")


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, 0),
        ({"RANK": "3", "LOCAL_RANK": "1"}, 3),  # torchrun
        ({"LOCAL_RANK": "1", "SLURM_PROCID": "0"}, 1),  # child process of Lightning in a SLURM shell
        ({"SLURM_PROCID": "5"}, 5),  # srun
        ({"SLURM_PROCID": "0"}, 0),
        ({"NODE_RANK": "1"}, 1),  # started manually on the second node
        ({"NODE_RANK": "1", "LOCAL_RANK": "0"}, 1),
        ({"NODE_RANK": "0"}, 0),
    ],
)
def test_only_one_process_of_all_nodes_has_rank_0(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], rank: int
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Resources().rank == rank


def test_loading_processes_divide_the_cores_among_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    real, stand_in = K400.data, TINY.of(K400).data
    monkeypatch.setattr("runner.machine.resources.available_cores", lambda: 24)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert Resources().num_workers(real) == 0
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert Resources(devices=4).num_workers(real) == 6
    assert Resources(devices=4, nodes=2).num_workers(real) == 6  # devices are counted per node
    assert Resources(devices=1).num_workers(real) == 16
    assert Resources(devices=1).num_workers(stand_in) == 0
    assert replace(Resources(devices=1), workers=3).num_workers(stand_in) == 3


def checked(resources: Resources, run: RunConfig, *, eval_only: bool = False) -> None:
    resources.check([run], resources.item_lists(), eval_only=eval_only)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder with one test video of Kinetics."""
    (tmp_path / "0.mp4").touch()
    (tmp_path / "val.csv").write_text("0.mp4 0\n")
    return tmp_path


def test_a_test_reads_only_the_test_split(folder: Path) -> None:
    resources = Resources(data=(("kinetics400", folder),), devices=1)
    checked(resources, K400, eval_only=True)
    checked(resources, replace(K400, optim=None))
    lists = resources.item_lists()
    assert resources.counts(K400, lists, trains=False) == (0, 1)
    for refused in (resources.counts, resources.check_run):
        with pytest.raises(DataError, match="train"):
            refused(K400, lists, trains=True)


def test_a_training_split_needs_at_least_one_batch(folder: Path) -> None:
    assert K400.optim is not None
    batch = K400.optim.batch_size
    for number in range(batch):
        (folder / f"{number}.mp4").touch()
    (folder / "train.csv").write_text("".join(f"{number}.mp4 0\n" for number in range(batch)))
    resources = Resources(data=(("kinetics400", folder),), devices=1)
    checked(resources, K400)
    (folder / "train.csv").write_text("".join(f"{number}.mp4 0\n" for number in range(batch - 1)))
    with pytest.raises(TooFewItemsError, match=f"{batch - 1} training videos are fewer than one batch of {batch}"):
        checked(resources, K400)
    with pytest.raises(TooFewItemsError, match="1 test videos are fewer than 2 devices; use --devices 1"):
        checked(replace(resources, devices=2), replace(K400, optim=None))


def test_items_of_a_stand_in_are_counted_without_generating_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path / "none"))
    tiny = TINY.of(K400, RECIPE)
    lists = Resources().item_lists()
    assert [Resources().counts(tiny, lists, trains=trains) for trains in (True, False)] == [(1000, 1000), (0, 1000)]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("edits", "batch"),
    [
        (evaluation(crops=1), 4),
        (evaluation(crops=3), 1),
        ((*data(crop=336), *evaluation(crops=1)), 1),
        ((*data(frames=8), *evaluation(crops=1)), 8),
        ((*data(frames=8), *evaluation(crops=1, frames=32)), 2),
        ((*data(frames=8, crop=32), *evaluation(crops=3)), 64),
    ],
)
def test_the_test_batch_depends_on_crops_and_on_the_size_of_test_clips(edits: tuple[Edit, ...], batch: int) -> None:
    assert Resources().test_batch(apply(K400, edits)) == batch


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (apply(K400, model(width=50)), "model.width is 50"),
        (apply(K400, evaluation(span=1.0)), "clips that span the whole video have one view; evaluation.views is 10"),
        (apply(K400, data(crop=4)), "4"),
        (apply(K400, optim(batch_size=127)), "cannot be split over 2 devices"),
    ],
)
def test_an_impossible_run_is_refused_before_any_file_is_read(run: RunConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked(Resources(devices=2, data=(("kinetics400", Path("/nowhere")),)), run)


def test_a_test_alone_needs_no_divisible_batch(folder: Path) -> None:
    resources = Resources(data=(("kinetics400", folder),), devices=1, micro_batch=7)
    checked(resources, K400, eval_only=True)
    with pytest.raises(ValueError, match="--micro-batch 7: 128 items per device cannot be split; use one of 1, 2, 4"):
        checked(resources, K400)


def of_batch(batch_size: int, frames: int = 16, crop: int = 224, *, mixed: bool = False) -> RunConfig:
    edits = (*optim(batch_size=batch_size), *data(frames=frames, crop=crop))
    return apply(K400, [*edits, Edit("objective.mixup", Mixup.Config())] if mixed else edits)


def check_split(run: RunConfig, resources: Resources, split: BatchSplit | str, accumulation: int | None = None) -> None:
    """Check the split of a run's batch, or the message of its refusal."""
    if isinstance(split, str):
        with pytest.raises(ValueError, match=split):
            resources.split_of(run, accumulation)
    else:
        assert resources.split_of(run, accumulation) == split


@pytest.mark.parametrize(
    ("run", "resources", "split"),
    [
        (of_batch(128), Resources(devices=32), BatchSplit(4, 1)),
        (of_batch(128), Resources(devices=1), BatchSplit(4, 32)),
        (of_batch(128, frames=32), Resources(devices=8), BatchSplit(2, 8)),
        (of_batch(128, crop=336), Resources(devices=8), BatchSplit(1, 16)),
        (of_batch(128, frames=64, crop=336), Resources(devices=128), BatchSplit(1, 1)),  # at least one item
        (of_batch(128), Resources(devices=8, micro_batch=16), BatchSplit(16, 1)),
        (of_batch(6), Resources(devices=1), BatchSplit(3, 2)),
        (of_batch(6, crop=336), Resources(devices=1), BatchSplit(1, 6)),
        (of_batch(6, crop=336, mixed=True), Resources(devices=1), BatchSplit(2, 3)),
        (
            of_batch(12),
            Resources(devices=5),
            "global batch of 12 cannot be split over 5 devices; use one of 1, 2, 3, 4",
        ),
        (
            of_batch(12),
            Resources(devices=2, micro_batch=4),
            "--micro-batch 4: 6 items per device cannot be split; use one of 1, 2, 3, 6",
        ),
        (of_batch(33, mixed=True), Resources(devices=1), "over 1 devices in groups of 2; use a batch that 2 divides"),
        (of_batch(12, mixed=True), Resources(devices=4), "over 4 devices in groups of 2; use one of 1, 2, 3, 6"),
        (
            of_batch(32, mixed=True),
            Resources(devices=1, micro_batch=1),
            "32 items per device cannot be split; use one of 2, 4, 8, 16, 32",
        ),
        (of_batch(2_000_000_000), Resources(devices=3), "use one of 1, 2, 4, 5, "),  # found at once
    ],
)
def test_a_global_batch_is_split_by_the_cost_of_its_items_and_the_error_contains_what_is_possible(
    run: RunConfig, resources: Resources, split: BatchSplit | str
) -> None:
    check_split(run, resources, split)


@pytest.mark.parametrize(
    ("resources", "accumulation", "split"),
    [
        (Resources(devices=8), None, BatchSplit(4, 4)),
        (Resources(devices=8), 4, BatchSplit(4, 4)),
        (Resources(devices=4), 4, BatchSplit(8, 4)),
        (Resources(devices=4, micro_batch=8), 4, BatchSplit(8, 4)),
        (Resources(devices=4, micro_batch=2), 4, "counts 4 batches a step; go on with --micro-batch 8"),
        (Resources(devices=64), 4, "counts 4 batches a step; go on with as many devices as before"),
    ],
)
def test_a_training_goes_on_with_the_batches_per_step_of_its_checkpoint(
    resources: Resources, accumulation: int | None, split: BatchSplit | str
) -> None:
    check_split(K400, resources, split, accumulation)
