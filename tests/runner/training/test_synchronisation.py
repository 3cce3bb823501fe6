"""A training step keeps no device waiting: the CPU reads no value, and sends none for whose arrival it waits."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader

from data.datamodule import DataModule
from experiments.spec.catalog import find
from experiments.spec.run import RunConfig
from experiments.spec.scales import TINY
from interface.batches import Batch
from runner.machine.resources import Resources
from runner.store.jobs import jobs_of
from runner.training.checkpointing import Greatest
from runner.training.curves import CurveLogger, Curves
from runner.training.progress import Progress
from runner.training.train import data_module
from runner.training.trainer import make_trainer

# Trained cells of all papers, among them with mixup, verbs and nouns, and random prototypes.
CELLS = (
    "motionformer/table4:trajectory.ssv2",
    "motionformer/table4:trajectory-norm-st.k400",
    "motionformer/table3a:orthoformer.k400",
    "motionformer/table3a:performer.k400",
    "xvit/main-summary:both.k400",
    "msca/table2:kv.top1",
    "cast/table2:cast.action",
    "deform3d/ablation:default.top1",
)
CYCLES = 10**9  # of a GPU: half a second
READS = {"_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "_unique2", "unique_dim", "bincount"}


def run_of(cell: str) -> RunConfig:
    """The cell's run with batches of four items, a clipped norm and an epoch."""
    row, _, column = cell.rpartition(".")
    run = next(job.run for job in jobs_of(find([row]), TINY, [], (0,), [column]) if job.cells)
    assert run.optim is not None
    return replace(run, optim=replace(run.optim, batch_size=4, epochs=1, steps=None, clip_norm=1.0, keep="last"))


class Waits(TorchDispatchMode):
    """Notes operations for which the CPU waits: reads of values, and copies between devices that block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(
        self, func: OpOverload, types: object, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:  # noqa: ANN401  (any operation)
        kwargs = kwargs or {}
        name, result = func.overloadpacket.__name__, func(*args, **kwargs)
        by_mask = name in ("index", "index_put_") and any(t is not None and t.dtype is torch.bool for t in args[1])
        if name in READS or by_mask:
            self.found.append(name)
        if name == "_to_copy" and result.device != args[0].device and not kwargs.get("non_blocking"):
            self.found.append(f"{name} to {result.device}")
        return result


class Examples(DataModule):
    """Batches of random items."""

    def train_dataloader(self) -> DataLoader:  # type: ignore[override]
        self.train_loader = SimpleNamespace(seconds_waited=0.0)  # type: ignore[assignment]
        flags, places = torch.zeros(4, dtype=torch.bool), torch.arange(4)
        inputs, targets = self.data.size.example(4), self.data.targets.example(4)
        return DataLoader(4 * [Batch(inputs, targets, places, places, flags, flags)], batch_size=None)  # pyright: ignore

    def val_dataloader(self) -> list:  # type: ignore[override]
        return []


class AllButTheOptimiser(Callback):
    """Opens a context for all of a training but its first step, its last one and the updates by the optimiser."""

    def __init__(self, context: Callable[[], Any], module: LightningModule, monkeypatch: pytest.MonkeyPatch) -> None:
        self.context, self.stack, self.steps = context, ExitStack(), 0
        clip = module.configure_gradient_clipping

        def clip_then_close(*arguments: object, **options: object) -> None:
            clip(*arguments, **options)  # type: ignore[arg-type]
            self.steps += 1
            self.stack.close()

        monkeypatch.setattr(module, "configure_gradient_clipping", clip_then_close)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.stack.close()

    def on_train_batch_end(self, trainer: Trainer, *arguments: object, **options: object) -> None:
        if not trainer.is_last_batch:
            self.stack.enter_context(self.context())


def num_steps_watched(run: RunConfig, context: Callable[[], Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Number of steps of a training of four batches that ran in a context, between two points of the curves."""
    monkeypatch.setattr("runner.training.curves.steps_per_point", lambda steps: 50)
    resources, module = Resources(devices=1, micro_batch=4), run.build()
    watched = AllButTheOptimiser(context, module, monkeypatch)
    trainer = make_trainer(
        run,
        resources,
        logger=CurveLogger(folder, name="", version=""),
        callbacks=[watched, Progress("clips", folder / "progress.json"), Curves("clips")],
    )
    loading = data_module(run, resources, root=folder, split=resources.split_of(run)).loading
    trainer.fit(module, Examples(loading))
    return watched.steps


@pytest.mark.parametrize("cell", CELLS)
def test_a_step_and_its_logging_read_no_value(cell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits()
    assert num_steps_watched(run_of(cell), lambda: waits, tmp_path, monkeypatch) == 4
    assert waits.found == []


@pytest.mark.parametrize("cell", CELLS)
def test_what_a_step_sends_to_a_gpu_needs_no_waiting(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tensors of the GPU have shapes, but no values."""
    run, waits = run_of(cell), Waits()
    monkeypatch.setattr(Tensor, "pin_memory", lambda tensor: tensor)  # which takes a GPU
    module = run.build().train()
    with FakeTensorMode(allow_non_fake_inputs=True):
        for part in module.modules():
            for tensors in (part._parameters, part._buffers):
                tensors |= {name: on_gpu(tensor) for name, tensor in tensors.items() if tensor is not None}
        inputs, targets = run.data.size.example(4, "cuda"), run.data.targets.example(4, "cuda")
        with waits:
            outputs = module.model(*run.data.on_device(inputs))
            loss = module.task.loss(outputs, targets)
            module.task.curves(outputs, targets)
        assert loss.device.type == "cuda" and waits.found == []
        with waits:
            torch.zeros(2).to("cuda")
    assert waits.found == ["_to_copy to cuda:0"]


def on_gpu(tensor: Tensor) -> Tensor:
    empty = torch.empty(tensor.shape, dtype=tensor.dtype, device="cuda")
    return nn.Parameter(empty, requires_grad=tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty


def on_a_gpu(test: Callable) -> Callable:
    return pytest.mark.gpu(pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")(test))


@contextmanager
def refused() -> Iterator[None]:
    """Refuse to wait for the GPU."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@on_a_gpu
@pytest.mark.parametrize("precision", ["16-mixed", "32-true"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_step_on_a_gpu_synchronises_nothing(
    cell: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(cell)
    assert run.optim is not None
    run = replace(run, optim=replace(run.optim, precision=precision))
    assert num_steps_watched(run, refused, tmp_path, monkeypatch) == 4


@on_a_gpu
def test_processes_know_of_each_other_what_they_want_while_their_gpus_compute(tmp_path: Path) -> None:
    device = torch.device("cuda", 0)
    torch.distributed.init_process_group("nccl", f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        assert Greatest(1, device).value() == 1  # the first one starts NCCL
        with refused():
            torch.cuda._sleep(CYCLES)
            greatest = Greatest(2, device)
            assert not torch.cuda.current_stream().query()
            assert greatest.value() == 2
    finally:
        torch.distributed.destroy_process_group()


@on_a_gpu
def test_a_batch_crosses_to_a_gpu_that_computes(tmp_path: Path) -> None:
    run, resources, device = run_of(CELLS[0]), Resources(devices=1, micro_batch=4), torch.device("cuda", 0)
    module = data_module(run, resources, root=tmp_path, split=resources.split_of(run))
    places = torch.arange(4).pin_memory()
    batch = Batch((torch.randn(4, 1000).pin_memory(),), places, places, places, places, places)
    module.transfer_batch_to_device(batch, device, 0)  # the first one allocates
    torch.cuda.synchronize()
    torch.cuda._sleep(CYCLES)
    crossed = module.transfer_batch_to_device(batch, device, 0)
    assert module.sending is not None
    module.sending.synchronize()
    assert not torch.cuda.current_stream().query()
    assert crossed.inputs[0].cpu().equal(batch.inputs[0]) and crossed.views.cpu().equal(places)
