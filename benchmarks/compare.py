"""Comparisons of two computations, timed in turns in one process, so that other load on the machine affects both."""

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils import benchmark

from interface.sizes import ClipSize, InputSize
from interface.targets import ClassTarget
from models.framewise.model import FramewiseViT
from models.model import ModelConfig
from runner.measure.memory import bytes_saved
from runner.measure.training_step import TrainingStep, mixed_precision

NUM_CLASSES = 400
TARGET = ClassTarget(NUM_CLASSES)
FORWARD, STEP = PARTS = ("forward", "training step")
PASSES = {FORWARD: 1, STEP: 3}  # a backward pass costs two forward passes
Aims = Mapping[tuple[str, str, str], float]  # device, precision, part -> target ratio at the published sizes


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes of the model and the clips; by default ViT-B on clips of 16 x 224 x 224, as in the papers."""

    depth: int = 12
    width: int = 768
    heads: int = 12
    frames: int = 16
    crop: int = 224
    clips: int = 1
    repeats: int = 2  # half an hour for all comparisons on one core

    @property
    def are_published(self) -> bool:
        return replace(self, clips=1, repeats=1) == Sizes(clips=1, repeats=1)

    @property
    def clip(self) -> ClipSize:
        return ClipSize(self.frames, self.crop, self.crop)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The published computation and ours."""

    name: str
    published: Callable[[], Tensor]
    ours: Callable[[], Tensor]
    models: tuple[nn.Module, nn.Module] | None
    """What a training step of each updates, given logits (B, C); None for a selection, which is made in float32."""
    is_equal: bool = True
    """Whether both compute the same; else they are different models."""
    parts: tuple[str, ...] = PARTS
    macs: float | None = None
    """Multiply-adds of a forward pass of ours."""
    saved: tuple[int, int] | None = None
    """Bytes that an item saves for the backward pass, published and ours."""
    aims: Aims


Case = Callable[[Sizes, torch.device], Iterator[Comparison]]  # has a name on the command line


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Measurements of a comparison in one precision."""

    name: str
    precision: str
    clips: int
    published: list[float]
    """Seconds of each turn: CPU time on a CPU; on a GPU, time until the device has finished."""
    ours: list[float]
    aim: float | None
    difference: float | None
    """Largest difference of the results; None for models that differ."""
    least_seconds: float | None
    """Seconds of ours, were all its multiply-adds as fast as those of one large matrix product."""
    memory: tuple[int, int] | None
    """Peak bytes of tensors on a GPU, weights and optimiser state included."""
    saved: tuple[int, int] | None
    commit: str
    date: str

    @property
    def ratios(self) -> list[float]:
        return [theirs / ours for theirs, ours in zip(self.published, self.ours, strict=True)]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def bound(self) -> float | None:
        return None if self.least_seconds is None else statistics.median(self.published) / self.least_seconds


def measured(
    comparison: Comparison, sizes: Sizes, device: torch.device, precisions: list[str], *, commit: str, date: str
) -> Iterator[Pair]:
    """Pairs of a comparison, for each part in each precision."""
    both = comparison.published, comparison.ours
    models = comparison.models or (None, None)
    for precision, part in product(precisions, comparison.parts):
        if comparison.models is None and precision != "float32":
            continue
        dtype, macs = getattr(torch, precision), comparison.macs
        results = [forward(run, device, dtype) for run in both] if comparison.is_equal else []
        runs = [
            partial(classification_step(model, sizes.clips, device, dtype), run)
            if part == STEP and model is not None
            else partial(forward, run, device, dtype)
            for run, model in zip(both, models, strict=True)
        ]
        published, ours = seconds_in_turns(runs, device, sizes.repeats)
        yield Pair(
            name=f"{comparison.name}, {part}" if comparison.models else comparison.name,
            precision=precision,
            clips=sizes.clips,
            published=published,
            ours=ours,
            aim=comparison.aims.get((device.type, precision, part)) if sizes.are_published else None,
            difference=(results[0] - results[1]).abs().max().item() if results else None,
            least_seconds=PASSES[part] * macs / matmul_rate(device, dtype) if macs is not None else None,
            memory=(peak_memory(runs[0]), peak_memory(runs[1])) if device.type == "cuda" else None,
            saved=comparison.saved,
            commit=commit,
            date=date,
        )


def forward(logits: Callable[[], Tensor], device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.no_grad(), mixed_precision(device, dtype):
        return logits()


def classification_step(
    model: nn.Module, num_clips: int, device: torch.device, dtype: torch.dtype
) -> Callable[[Callable[[], Tensor]], object]:
    """Training step of a classifier with AdamW, on the logits of a function."""
    labels = torch.arange(num_clips, device=device) % NUM_CLASSES
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    return TrainingStep(optimizer, lambda logits: F.cross_entropy(logits, labels), device, dtype)


def seconds_in_turns(runs: Sequence[Callable[[], object]], device: torch.device, repeats: int) -> list[list[float]]:
    """Seconds of each computation in each turn, in which they run one after another."""
    timers = [timer(run, device) for run in runs]
    turns = [[each.timeit(1).median for each in timers] for _ in range(repeats)]
    return [list(seconds) for seconds in zip(*turns, strict=True)]


def timer(run: Callable[[], object], device: torch.device) -> benchmark.Timer:
    """Timer that calls a function twice before it counts: first calls allocate memory pages and load kernels."""
    clock = time.process_time if device.type == "cpu" else benchmark.timer
    return benchmark.Timer("run()", globals={"run": run}, timer=clock, num_threads=torch.get_num_threads())


@cache
def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Multiply-adds per second of one large matrix product, an upper bound for models."""
    size = 8192 if device.type == "cuda" else 1024
    a = torch.randn(size, size, device=device, dtype=dtype)
    return size**3 / timer(lambda: a @ a, device).timeit(30).median


def peak_memory(run: Callable[[], object]) -> int:
    """Peak bytes of tensors on the GPU during a call, existing tensors included."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    run()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated()


def on_cpu(forward: float, step: float) -> Aims:
    """Target ratios in float32 on a CPU."""
    return {("cpu", "float32", FORWARD): forward, ("cpu", "float32", STEP): step}


def formulations(
    name: str, model: nn.Module, published: Callable[[], Tensor], ours: Callable[[], Tensor], macs: float, aims: Aims
) -> Comparison:
    """Two formulations of one model: the same weights and inputs."""
    return Comparison(name=name, published=published, ours=ours, models=(model, model), macs=macs, aims=aims)


def two_models(
    name: str, configs: tuple[ModelConfig, ModelConfig], size: InputSize, sizes: Sizes, device: torch.device, aims: Aims
) -> Comparison:
    """A model that plays the part of the published one, and ours, which differs from it."""
    torch.manual_seed(0)
    models = configs[0].build(size, TARGET).to(device), configs[1].build(size, TARGET).to(device)
    inputs = size.example(sizes.clips, device)
    return Comparison(
        name=name,
        published=partial(models[0], *inputs),
        ours=partial(models[1], *inputs),
        models=models,
        is_equal=False,
        macs=sizes.clips * configs[1].executed_macs(size, TARGET),
        saved=(bytes_saved(configs[0], size, TARGET), bytes_saved(configs[1], size, TARGET)),
        aims=aims,
    )


def framewise(config: FramewiseViT.Config, sizes: Sizes) -> FramewiseViT.Config:
    return replace(config, width=sizes.width, depth=sizes.depth, heads=sizes.heads, init=None)


def against_plain_vit(configs: Mapping[str, FramewiseViT.Config]) -> dict[str, Case]:
    """Cases of models that connect frames by shifts, against the plain frame-wise ViT with the same head."""
    where = ("cpu", "float32"), ("cuda", "float32"), ("cuda", "bfloat16")
    aims = {(*each, part): 1 / 1.1 for each in where for part in PARTS}  # a shift costs at most a tenth

    def case(name: str, config: FramewiseViT.Config, sizes: Sizes, device: torch.device) -> Iterator[Comparison]:
        both = framewise(FramewiseViT.Config(head=config.head), sizes), framewise(config, sizes)
        yield two_models(f"{name} against ViT", both, sizes.clip, sizes, device, aims)

    return {name: partial(case, name, config) for name, config in configs.items()}


def pooled(tokens: Callable[[], Tensor], num_clips: int) -> Callable[[], Tensor]:
    """Stand-in for logits (B, C): the mean of all tokens (..., D), for each clip."""
    return lambda: tokens().flatten(0, -2).mean(0)[:NUM_CLASSES].expand(num_clips, -1)
