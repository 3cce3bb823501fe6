"""Memory that training takes at the paper's size: its peak where there is a GPU, and the bytes saved for backward.

The papers print "max CUDA memory" and state neither batch nor precision; ours says both.
"""

import gc
import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from experiments.provenance import provenance
from experiments.run import RunConfig
from experiments.table import Cell
from models.mixers.trajectory import TrajectoryAttention

GIB = 2**30
PRECISIONS = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16, "32-true": torch.float32}


def saved_for_backward(run: RunConfig) -> int:
    """Bytes that autograd keeps for the backward pass of one clip in float32, weights not counted; shapes only.

    With the kernels of a CPU, fused attention among them: shapes without a device would get attention that keeps maps.
    All blocks but the first and the last are alike, so that two and three of them tell what more would keep.
    """
    two, three = (_saved_at_depth(run, min(depth, run.model.depth)) for depth in (2, 3))
    return three + max(0, run.model.depth - 3) * (three - two)


def _saved_at_depth(run: RunConfig, depth: int) -> int:
    with torch.device("meta"):
        model = _model(replace(run, model=replace(run.model, depth=depth)))
    with FakeTensorMode(allow_non_fake_inputs=True):
        clip = torch.empty(1, run.data.frames, 3, run.data.crop, run.data.crop)
        return saved_bytes(model.to_empty(device="cpu"), clip)


def saved_bytes(model: nn.Module, clip: Tensor) -> int:
    """Bytes that autograd keeps for the backward pass of a model, its weights not counted."""
    weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage  # held, so that no other storage takes its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        model(clip)
    return sum(storage.nbytes() for storage in kept.values())


class TooLargeError(OSError):
    """A training step that does not fit into the GPU."""


def peak_memory(run: RunConfig, batch_size: int) -> dict[str, object]:
    """Peak CUDA memory of a training step: forward, backward and update of AdamW, in the recipe's precision.

    Raises:
        TooLargeError: where the step does not fit.
        OSError: where there is no GPU.
    """
    if not torch.cuda.is_available():
        raise OSError("memory is measured on a CUDA device and there is none; reports show – for it")
    gc.collect()
    torch.cuda.empty_cache()
    try:
        step = training_step(run, batch_size, torch.device("cuda"))
        step()
        torch.cuda.reset_peak_memory_stats()
        step()  # with what the optimiser keeps, as every step but the first
    except torch.OutOfMemoryError:
        fits = False  # raised below: an error holds on to the frame that it meets, and so to the tensors there
    else:
        fits = True
    if not fits:
        smaller = "; use a smaller --batch" if batch_size > 1 else ""
        raise TooLargeError(f"batch {batch_size} does not fit into this GPU{smaller}")
    return {
        "peak_gib": torch.cuda.max_memory_allocated() / GIB,
        "batch_size": batch_size,
        "precision": run.optim.precision,
        **provenance(),
        "hardware": torch.cuda.get_device_name(),
    }


def training_step(run: RunConfig, batch_size: int, device: torch.device) -> Callable[[], torch.optim.Optimizer]:
    """A training step of random clips, to be taken as often as called; gives the optimiser."""
    precision = PRECISIONS[run.optim.precision]
    model = _model(run).to(device)
    optimizer, _ = run.optim.build(model.parameters(), steps_per_epoch=1.0)
    clips = torch.randn(batch_size, run.data.frames, 3, run.data.crop, run.data.crop, device=device)
    labels = torch.zeros(batch_size, dtype=torch.long, device=device)
    # Not scaled up: a first gradient beyond float16 would skip the update, and the optimiser would keep nothing yet.
    scaler = torch.amp.GradScaler(device.type, init_scale=1.0, enabled=precision is torch.float16)

    def step() -> torch.optim.Optimizer:
        with torch.autocast(device.type, dtype=precision, enabled=precision is not torch.float32):
            loss = F.cross_entropy(model(clips), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        return optimizer

    return step


def batch_as_printed(cells: Iterable[Cell]) -> int:
    """The batch, which the papers do not state, at which the row of exact attention comes nearest to its printed peak.

    Raises:
        ValueError: where no cell prints the memory of exact trajectory attention.
        OSError: where there is no GPU, or it is too small for one clip.
    """
    for cell in cells:
        run = cell.paper_run
        if run is None or not cell.measures("memory") or not isinstance(cell.printed, float):
            continue
        if isinstance(run.model.attention, TrajectoryAttention.Config) and run.model.attention.approximation is None:
            return nearest_batch(cell.printed, partial(_peak_gib, run))
    raise ValueError("no row prints the memory of exact attention, by which the batch is chosen; give --batch")


def nearest_batch(printed: float, peak_gib: Callable[[int], float]) -> int:
    """The batch whose peak is nearest to the printed one; peaks grow with the batch.

    Args:
        printed: GiB.
        peak_gib: measures a batch, twice the last one until a peak is above the printed one or does not fit, then
            halfway between the two that enclose it.

    Raises:
        TooLargeError: where not even one clip fits.
    """
    peaks = {1: peak_gib(1)}
    below, above = 0, 1
    while peaks.get(above, math.inf) < printed:
        below, above = above, 2 * above
        with suppress(TooLargeError):
            peaks[above] = peak_gib(above)
    while above - below > 1:
        middle = (below + above) // 2
        with suppress(TooLargeError):
            peaks[middle] = peak_gib(middle)
        below, above = (middle, above) if peaks.get(middle, math.inf) < printed else (below, middle)
    return min(peaks, key=lambda batch_size: abs(peaks[batch_size] - printed))


def _peak_gib(run: RunConfig, batch_size: int) -> float:
    peak = peak_memory(run, batch_size)["peak_gib"]
    assert isinstance(peak, float)
    return peak


def _model(run: RunConfig) -> nn.Module:
    num_classes = run.data.dataset.num_classes
    assert isinstance(num_classes, int)
    return run.model.build(frames=run.data.frames, crop=run.data.crop, num_classes=num_classes).train()
