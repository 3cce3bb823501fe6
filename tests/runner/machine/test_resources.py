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
from interface.sizes import ClipSize
from lightning_modules.mixup import Mixup
from runner.machine.resources import BatchSplit, Resources, TooFewItemsError, split_batch

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


def test_eval_only_reads_only_the_test_split(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "val.csv").write_text("a.mp4 0\n")
    resources = Resources(data=(("kinetics400", tmp_path),), devices=1)
    with pytest.raises(DataError, match="train"):
        resources.check([K400])
    resources.check([K400], eval_only=True)
    assert resources.counts(K400, eval_only=True) == (0, 1)
    with pytest.raises(DataError, match="train"):
        resources.counts(K400)


def test_a_training_split_needs_at_least_one_batch(tmp_path: Path) -> None:
    (tmp_path / "val.csv").write_text("0.mp4 0\n")
    assert K400.optim is not None
    batch = K400.optim.batch_size
    for number in range(batch):
        (tmp_path / f"{number}.mp4").touch()
    (tmp_path / "train.csv").write_text("".join(f"{number}.mp4 0\n" for number in range(batch)))
    resources = Resources(data=(("kinetics400", tmp_path),), devices=1)
    resources.check([K400])
    (tmp_path / "train.csv").write_text("".join(f"{number}.mp4 0\n" for number in range(batch - 1)))
    with pytest.raises(TooFewItemsError, match=f"{batch - 1} training videos are fewer than one batch of {batch}"):
        resources.check([K400])
    several = replace(resources, devices=2)
    with pytest.raises(TooFewItemsError, match="1 test videos are fewer than 2 devices; use --devices 1"):
        several.check([replace(K400, optim=None)])


def test_a_run_without_training_reads_only_the_test_split(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "val.csv").write_text("a.mp4 0\n")
    resources = Resources(data=(("kinetics400", tmp_path),), devices=1)
    tested = replace(K400, optim=None)
    resources.check([tested])
    assert resources.counts(tested) == (0, 1)
    for runs in ([tested, K400], [K400, tested]):  # both use one data set, but different splits
        with pytest.raises(DataError, match="train"):
            resources.check(runs)


def test_items_of_a_stand_in_are_counted_without_generating_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path / "none"))
    tiny = TINY.of(K400, RECIPE)
    assert Resources().counts(tiny) == (1000, 1000)
    assert Resources().counts(tiny, eval_only=True) == Resources().counts(replace(tiny, optim=None)) == (0, 1000)
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
        Resources(devices=2, data=(("kinetics400", Path("/nowhere")),)).check([run])


def test_a_test_alone_needs_no_divisible_batch(tmp_path: Path) -> None:
    Resources(devices=3).check_run(replace(K400, optim=None))
    Resources(devices=3).check_run(K400, trains=False)
    Resources(micro_batch=7).check_run(K400, trains=False)
    with pytest.raises(ValueError, match="a global batch of 128 cannot be split over 3 devices"):
        Resources(devices=3).check_run(K400)


def test_a_batch_that_the_objective_cannot_mix_is_refused() -> None:
    mixed = apply(TINY.of(K400), [Edit("objective.mixup", Mixup.Config()), *optim(batch_size=33)])
    with pytest.raises(ValueError, match="33 items per device"):
        Resources(devices=1).check_run(mixed)


@pytest.mark.parametrize(
    ("batch_size", "size", "devices", "micro_batch", "split"),
    [
        (128, ClipSize(16, 224, 224), 32, None, BatchSplit(4, 1)),
        (128, ClipSize(16, 224, 224), 1, None, BatchSplit(4, 32)),
        (128, ClipSize(32, 224, 224), 8, None, BatchSplit(2, 8)),
        (128, ClipSize(16, 336, 336), 8, None, BatchSplit(1, 16)),
        (128, ClipSize(64, 336, 336), 128, None, BatchSplit(1, 1)),  # at least one item
        (128, ClipSize(16, 224, 224), 8, 16, BatchSplit(16, 1)),
        (6, ClipSize(16, 224, 224), 1, None, BatchSplit(3, 2)),
    ],
)
def test_a_global_batch_is_split_by_the_cost_of_its_items(
    batch_size: int, size: ClipSize, devices: int, micro_batch: int | None, split: BatchSplit
) -> None:
    found = split_batch(batch_size, size, devices, micro_batch=micro_batch)
    assert found == split
    assert found.micro_batch * found.accumulation * devices == batch_size


def test_the_error_for_an_indivisible_batch_contains_possible_divisors() -> None:
    size = ClipSize(16, 224, 224)
    with pytest.raises(ValueError, match="a global batch of 12 cannot be split over 5 devices; use one of 1, 2, 3, 4"):
        split_batch(12, size, 5, micro_batch=None)
    with pytest.raises(
        ValueError, match=r"6 items per device \(12 over 2\) cannot be split into micro-batches of 4; use"
    ):
        split_batch(12, size, 2, micro_batch=4)


def test_micro_batches_are_multiples_of_what_the_objective_mixes() -> None:
    size = ClipSize(16, 336, 336)
    assert split_batch(6, size, 1, micro_batch=None) == BatchSplit(1, 6)
    assert split_batch(6, size, 1, micro_batch=None, multiple=2) == BatchSplit(2, 3)
    for micro_batch, batch_size in ((None, 33), (1, 32)):
        with pytest.raises(ValueError, match=r"items per device: the objective mixes groups of 2; use a batch size"):
            split_batch(batch_size, size, 1, micro_batch=micro_batch, multiple=2)


def test_the_divisors_of_a_large_batch_are_found_at_once() -> None:
    with pytest.raises(ValueError, match="cannot be split over 3 devices; use one of 1, 2, 4, 5, "):
        split_batch(2_000_000_000, ClipSize(16, 224, 224), 3, micro_batch=None)


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
    if isinstance(split, str):
        with pytest.raises(ValueError, match=split):
            resources.split_of(K400, accumulation)
    else:
        assert resources.split_of(K400, accumulation) == split
