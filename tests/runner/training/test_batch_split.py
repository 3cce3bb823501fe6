"""Batches that fit into memory: found by trying, halved when memory is exhausted, the same items in every step."""

import json
import signal
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from lightning import Trainer
from torch import Tensor, nn

from experiments.spec.run import RunConfig
from lightning_modules.classification import SingleLabel
from lightning_modules.mixup import Mixup
from lightning_modules.module import TaskModule
from lightning_modules.optim import OptimConfig
from runner.jobs import run_process
from runner.machine.batch_sizes import BatchSplit
from runner.machine.messages import OUT_OF_MEMORY
from runner.machine.resources import Resources
from runner.machine.signals import Stopped
from runner.training import batch_split, train
from runner.training.batch_split import FittingBatches, RestartNeeded, SplitFile, TooLittleMemoryError, recount
from tests.runner.points import POINTS, REST, NoSignalHandlers, RunHarness

OF_EPOCHS = POINTS  # 4 epochs of 5 steps with 4 items
OF_STEPS = replace(POINTS, optim=OptimConfig(epochs=None, steps=13, batch_size=4, lr=0.3, validate_every=3))
Items = dict[int, set[int]]


class Memory:
    """Memory of a device that holds a number of items. Steps with more items raise an error.

    Args:
        items, test_items: largest number of items of a training step and of a test step.
        full_after: number of training batches before memory is limited.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, items: int = 1000, test_items: int = 1000, full_after: int = 0
    ) -> None:
        self.num_batches = 0
        self.trained: Items = defaultdict(set)
        training_step, test_step, memory = TaskModule.training_step, TaskModule.test_step, self

        def limited_training(module: TaskModule, batch: object, batch_idx: int) -> Tensor:
            memory.num_batches += 1
            indices = batch.items.tolist()  # type: ignore[attr-defined]
            if memory.num_batches > full_after:
                memory.check(len(indices), items)
            memory.trained[module.global_step] |= set(indices)
            return training_step(module, batch, batch_idx)  # type: ignore[arg-type]

        def limited_test(module: TaskModule, batch: object, batch_idx: int) -> None:
            memory.check(len(batch.items), test_items)  # type: ignore[attr-defined]
            test_step(module, batch, batch_idx)  # type: ignore[arg-type]

        monkeypatch.setattr(TaskModule, "training_step", limited_training)
        monkeypatch.setattr(TaskModule, "test_step", limited_test)

    @staticmethod
    def check(num_items: int, limit: int) -> None:
        """Raise the error of torch if the memory is too small."""
        if num_items > limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


class StopsBefore(NoSignalHandlers):
    """Stop request after all items of this many steps of a run with a rest were trained on."""

    def __init__(self, memory: Memory, steps: int) -> None:
        super().__init__()
        self.memory, self.steps = memory, steps

    @property
    def pending(self) -> int | None:
        done = sum(len(items) == (3 if step % 6 == 5 else 4) for step, items in self.memory.trained.items())
        return signal.SIGTERM if done >= self.steps else None


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> Memory:
    return Memory(monkeypatch)


def splits(metrics: dict) -> list[tuple[int, int, int]]:
    return [(entry["from_step"], entry["micro_batch"], entry["accumulation"]) for entry in metrics["batch_splits"]]


def with_micro_batch(harness: RunHarness, number: int | None) -> None:
    harness.resources = replace(harness.resources, micro_batch=number)


def test_out_of_memory_halves_the_micro_batch_and_doubles_the_accumulation(
    harness: RunHarness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_micro_batch(harness, 2)
    harness.execute(OF_EPOCHS)
    by_hand = harness.weights(OF_EPOCHS)
    with_micro_batch(harness, None)
    harness.use_new_store("found")
    Memory(monkeypatch, items=2)
    metrics = harness.execute(OF_EPOCHS)
    assert splits(metrics) == [(0, 2, 2)]
    assert harness.trainers[-1].global_step == 20
    assert all(tensor.equal(by_hand[name]) for name, tensor in harness.weights(OF_EPOCHS).items())
    out = capsys.readouterr().out
    assert "note: out of memory with 4 items at a time in a training step: goes on with 2, accumulated 2 times" in out


@pytest.mark.parametrize("run", [OF_EPOCHS, OF_STEPS], ids=["epochs", "steps"])
def test_a_training_goes_on_from_its_checkpoint_after_out_of_memory(
    run: RunConfig, harness: RunHarness, unlimited: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.execute(run)
    harness.use_new_store("limited")
    memory = Memory(monkeypatch, items=2, full_after=11)
    metrics = harness.execute(run)
    checkpoint = 10 if run is OF_EPOCHS else 9
    assert splits(metrics) == [(0, 4, 1), (checkpoint, 2, 2)]
    assert memory.trained == unlimited.trained  # the same items in each step
    assert harness.trainers[-1].global_step == max(unlimited.trained) + 1


@pytest.mark.parametrize("run", [OF_EPOCHS, OF_STEPS], ids=["epochs", "steps"])
@pytest.mark.parametrize(("before", "after"), [(4, 1), (2, 4)])
@pytest.mark.parametrize("stop", [3, 5, 7])  # in an epoch, at its end, in the second epoch
def test_a_training_resumes_with_another_micro_batch(
    run: RunConfig, before: int, after: int, stop: int, harness: RunHarness, unlimited: Memory
) -> None:
    harness.execute(run)
    whole, validated = dict(unlimited.trained), harness.validated_after.copy()
    harness.use_new_store("stopped")
    unlimited.trained.clear()
    with_micro_batch(harness, before)

    class StopsAfterSteps(NoSignalHandlers):
        @property
        def pending(self) -> int | None:
            return signal.SIGTERM if len(harness.steps) >= stop * 4 // before else None

    with pytest.raises(Stopped):
        harness.execute(run, request=StopsAfterSteps())
    with_micro_batch(harness, after)
    metrics = harness.execute(run)
    assert unlimited.trained == whole
    counts = [harness.steps.count(step) for step in sorted(whole)]
    assert counts == [4 // before] * stop + [4 // after] * (len(whole) - stop)
    assert harness.validated_after in (validated, [step for step in validated if step != stop])  # a stop may skip one
    assert splits(metrics) == [(0, before, 4 // before), (stop, after, 4 // after)]


@pytest.mark.parametrize(("before", "after", "stop"), [(4, 1, 6), (1, 4, 6), (1, 2, 6), (2, 1, 5), (1, 2, 7)])
def test_the_rest_of_an_epoch_is_the_same_step_after_a_stop_with_another_micro_batch(
    before: int, after: int, stop: int, harness: RunHarness, unlimited: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nn.Dropout, "forward", lambda module, inputs: inputs)  # its random numbers are of a batch
    harness.execute(REST)
    whole, weights = dict(unlimited.trained), harness.weights(REST)
    assert [len(items) for items in whole.values()] == [4, 4, 4, 4, 4, 3] * 4
    harness.use_new_store("stopped")
    unlimited.trained.clear()
    with_micro_batch(harness, before)
    with pytest.raises(Stopped):
        harness.execute(REST, request=StopsBefore(unlimited, stop))
    with_micro_batch(harness, after)
    harness.execute(REST)
    assert unlimited.trained == whole
    assert harness.trainers[-1].global_step == 24
    for name, tensor in harness.weights(REST).items():
        torch.testing.assert_close(tensor, weights[name], rtol=1e-4, atol=1e-5)


def test_a_micro_batch_of_one_that_does_not_fit_is_one_line_with_remedies(
    harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    Memory(monkeypatch, items=0)
    with pytest.raises(TooLittleMemoryError) as error:
        harness.execute(POINTS)
    assert str(error.value) == (
        f"out of memory: a training step with 1 item at a time does not fit into the memory of "
        f"{harness.resources.devices_text}; try --recompute, or end other programs that use it, or use a device with "
        f"more"
    )


def test_the_micro_batch_of_the_user_is_not_changed(harness: RunHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    with_micro_batch(harness, 2)
    Memory(monkeypatch, items=1)
    with pytest.raises(TooLittleMemoryError, match=r"with 2 items .* does not fit .*; leave out --micro-batch"):
        harness.execute(POINTS)
    with_micro_batch(harness, None)
    harness.execute(POINTS)
    with_micro_batch(harness, 4)  # the file with 1 does not apply
    assert harness.store.run(POINTS.train_id).memory_failures == 2
    again = FittingBatches(POINTS, harness.resources, harness.store.run(POINTS.train_id).batch_split, trains=True)
    assert again.split == BatchSplit(4, 1)


def test_out_of_memory_in_a_test_halves_the_test_batch_only(
    harness: RunHarness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Memory(monkeypatch, test_items=20)
    metrics = harness.execute(POINTS)
    assert metrics["videos"]["evaluated"] == 90 and splits(metrics) == [(0, 4, 1)]
    out = capsys.readouterr().out
    assert "with 64 items at a time in a test step: goes on with 32" in out and "goes on with 16" in out


def test_other_errors_are_not_repeated(harness: RunHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TaskModule, "training_step", lambda *_: (_ for _ in ()).throw(RuntimeError("shapes differ")))
    with pytest.raises(RuntimeError, match="shapes differ"):
        harness.execute(POINTS)
    assert len(harness.trainers) == 1


def test_objectives_that_mix_items_keep_their_groups(harness: RunHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    run = replace(POINTS, objective=SingleLabel(mixup=Mixup.Config()))
    Memory(monkeypatch, items=1)
    with pytest.raises(TooLittleMemoryError, match="with 2 items at a time"):
        harness.execute(run)


def test_a_file_of_other_devices_is_ignored(tmp_path: Path) -> None:
    SplitFile(tmp_path / "split.json", "1 x small GPU").update(micro_batch=1)
    assert SplitFile(tmp_path / "split.json", "1 x large GPU").read() == {}
    assert SplitFile(tmp_path / "split.json", "1 x small GPU").read()["micro_batch"] == 1


class Searching:
    """Search of a micro-batch on a device that is not there, next to another process.

    Args:
        fits: largest micro-batch that fits here.
        elsewhere: largest one of the other process.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, fits: int, elsewhere: int = 1000) -> None:
        self.tried: list[int] = []

        def step_fits(
            module: object, size: object, targets: object, micro_batch: int, device: object, *, shared: bool
        ) -> bool:
            self.tried.append(micro_batch)
            return micro_batch <= fits

        monkeypatch.setattr(batch_split, "step_fits", step_fits)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "small GPU")
        self.strategy = SimpleNamespace(
            root_device=torch.device("cuda"), reduce=lambda found, reduce_op: min(found, elsewhere)
        )
        tensor = torch.tensor
        monkeypatch.setattr(torch, "tensor", lambda *a, device=None, **k: tensor(*a, **k))

    def split(self, batches: FittingBatches, module: TaskModule) -> BatchSplit:
        """Split of the batches after the search."""
        data = SimpleNamespace(batch_size=0, accumulate=0)
        trainer = SimpleNamespace(strategy=self.strategy, world_size=2, is_global_zero=True, datamodule=data)
        batches.setup(cast(Trainer, trainer), module, "fit")
        assert (data.batch_size, data.accumulate) == batches.split
        assert trainer.accumulate_grad_batches == batches.split.accumulation
        return batches.split


def fitting(path: Path, run: RunConfig = POINTS, **resources: int | None) -> FittingBatches:
    return FittingBatches(run, Resources(devices=1, **resources), path / "split.json", trains=True)  # type: ignore[arg-type]


LARGE = replace(POINTS, optim=OptimConfig(epochs=1, batch_size=24))


def test_the_largest_micro_batch_that_fits_is_found_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search, module = Searching(monkeypatch, fits=7), LARGE.build()
    assert search.split(fitting(tmp_path, LARGE), module) == BatchSplit(6, 4)
    assert search.tried == [24, 12, 8, 6]
    search.tried.clear()
    assert search.split(fitting(tmp_path, LARGE), module) == BatchSplit(6, 4) and search.tried == []
    assert json.loads((tmp_path / "split.json").read_text())["out_of_memory"] == []


def test_processes_agree_on_the_smallest_micro_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search = Searching(monkeypatch, fits=7, elsewhere=3)
    assert search.split(fitting(tmp_path, LARGE), LARGE.build()) == BatchSplit(3, 8)


def test_a_device_on_which_nothing_fits_is_an_error_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search = Searching(monkeypatch, fits=7, elsewhere=0)
    with pytest.raises(TooLittleMemoryError, match="1 item at a time does not fit"):
        search.split(fitting(tmp_path, LARGE), LARGE.build())


def test_nothing_is_searched_for_a_given_micro_batch_or_with_batch_normalisation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, module = Searching(monkeypatch, fits=2), LARGE.build()
    assert search.split(fitting(tmp_path, LARGE, micro_batch=12), module) == BatchSplit(12, 2)
    module.model.add_module("norm", nn.BatchNorm1d(2))
    default = fitting(tmp_path, LARGE)
    assert search.split(default, module) == BatchSplit(24, 1)
    assert search.tried == [] and default.has_batch_statistics


def test_counters_of_an_open_batch_stay_open() -> None:
    counts = {"ready": 6, "started": 6, "processed": 6, "completed": 5}
    recount(counts, 2, 8)
    assert counts == {"ready": 24, "started": 24, "processed": 24, "completed": 23}


def test_a_process_on_one_of_several_devices_asks_for_a_new_one(
    harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(batches: FittingBatches, *_: object, **__: object) -> None:
        batches.exhausted_in_training = True
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(train, "train_and_test_with", exhausted)
    monkeypatch.setattr(run_process, "StopRequest", NoSignalHandlers)
    monkeypatch.setattr(run_process, "load", lambda name: SimpleNamespace(run_of=lambda *_: POINTS))
    command = ["made/points", "ours.top1", "--runs", str(harness.store.root), "--devices", "2"]
    assert run_process.main(command) == OUT_OF_MEMORY
    directory = harness.store.run(POINTS.train_id)
    assert directory.memory_failures == 1 and not directory.failure.exists()
    assert run_process.main(command) == 3  # a micro-batch of 1 does not fit
    assert "1 item at a time does not fit" in directory.failure.read_text()


class Several:
    """Trainer of one of two processes in a training, which records what happens at its end."""

    def __init__(self, *, rank: int = 0) -> None:
        self.events: list[object] = []
        self.world_size, self.is_global_zero, self.training = 2, rank == 0, True
        self.strategy = SimpleNamespace(launcher=SimpleNamespace(kill=self.events.append))
        self.loggers = [SimpleNamespace(finalize=self.events.append)]


@pytest.mark.parametrize("rank", [0, 1])
def test_one_of_several_devices_halves_its_batch_before_the_teardown_that_could_wait_for_the_others(
    rank: int, tmp_path: Path
) -> None:
    batches, trainer = fitting(tmp_path, LARGE, micro_batch=None), Several(rank=rank)
    with pytest.raises(RestartNeeded):
        batches.on_exception(cast(Trainer, trainer), LARGE.build(), torch.OutOfMemoryError("CUDA out of memory."))
    assert batches.file.read() | {"devices": ""} == {"devices": "", "out_of_memory": [24], "micro_batch": 12}
    assert trainer.events == ([signal.SIGKILL] if rank == 0 else []) + ["failed"]


def test_the_other_processes_are_ended_after_any_error_and_if_nothing_smaller_is_left(tmp_path: Path) -> None:
    batches, trainer = fitting(tmp_path, LARGE, micro_batch=1), Several()
    with pytest.raises(ValueError, match="damaged"):  # without Lightning's teardown
        batches.on_exception(cast(Trainer, trainer), LARGE.build(), ValueError("damaged"))
    with pytest.raises(TooLittleMemoryError):
        batches.on_exception(cast(Trainer, trainer), LARGE.build(), torch.OutOfMemoryError("CUDA out of memory."))
    assert trainer.events == [signal.SIGKILL, "failed", signal.SIGKILL]


def test_failures_on_other_devices_are_counted_too(tmp_path: Path) -> None:
    SplitFile(tmp_path / "split.json", "1 x small GPU").update(micro_batch=2, out_of_memory=[8, 4])
    file = SplitFile(tmp_path / "split.json", "2 x small GPU")
    assert file.read() == {}
    file.update(micro_batch=16)
    assert file.read() == {"devices": "2 x small GPU", "micro_batch": 16, "out_of_memory": [8, 4]}


def test_a_process_that_loses_another_one_to_its_memory_has_not_failed(
    harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = harness.store.run(POINTS.train_id)

    def lost(batches: FittingBatches, *_: object, **__: object) -> None:
        batches.file.update(micro_batch=2, out_of_memory=[4])  # by the other process
        raise RuntimeError("connection closed by peer")

    monkeypatch.setattr(train, "train_and_test_with", lost)
    monkeypatch.setattr(run_process, "StopRequest", NoSignalHandlers)
    monkeypatch.setattr(run_process, "load", lambda name: SimpleNamespace(run_of=lambda *_: POINTS))
    command = ["made/points", "ours.top1", "--runs", str(harness.store.root), "--devices", "2"]
    assert run_process.main(command) == OUT_OF_MEMORY and not directory.failure.exists()
    assert run_process.main(command) == 1 and directory.failure.exists()
