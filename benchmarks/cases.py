"""What is compared: models with each attention, forward and training step, and the selection of prototypes.

Ours and the published formulation of benchmarks/oracle.py take the same weights and the same clips.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import oracle
from benchmarks.timing import Pair, in_turns, matmul_rate, most_memory
from models.cost import executed_macs
from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.orthoformer import most_orthogonal
from models.mixers.trajectory import TrajectoryAttention
from models.trunk import VideoViT


@dataclass(frozen=True, kw_only=True)
class Attention:
    """An attention, and the ratios aimed at: forward and training step, by CPU time, in single precision."""

    config: MixerConfig
    forward: float
    training: float


ATTENTIONS = {
    "trajectory": Attention(config=TrajectoryAttention.Config(), forward=2.3, training=1.9),
    "trajectory-projected": Attention(
        config=TrajectoryAttention.Config(project_values=True), forward=2.3, training=1.9
    ),
    "joint": Attention(config=JointAttention.Config(), forward=2.0, training=1.6),
    "divided": Attention(config=DividedAttention.Config(), forward=0.95, training=0.95),
}
GPU_TRAINING_AIM = 2.5  # of trajectory attention in bfloat16
NUM_CLASSES = 400


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The model and the clips; by default the paper's."""

    depth: int = 12
    width: int = 768
    heads: int = 12
    frames: int = 16
    crop: int = 224
    clips: int = 1
    repeats: int = 3


def compared_models(name: str, sizes: Sizes, device: torch.device) -> Iterator[Pair]:
    """Forward and training step of a model with the attention of that name, in each precision of the device."""
    attention = ATTENTIONS[name]
    config = VideoViT.Config(
        width=sizes.width, depth=sizes.depth, heads=sizes.heads, attention=attention.config, drop_path=0.0
    )
    torch.manual_seed(0)
    model = config.build(frames=sizes.frames, crop=sizes.crop, num_classes=NUM_CLASSES).to(device)
    clip = torch.randn(sizes.clips, sizes.frames, 3, sizes.crop, sizes.crop, device=device)
    labels = torch.arange(sizes.clips, device=device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    macs = executed_macs(config, frames=sizes.frames, crop=sizes.crop, num_classes=NUM_CLASSES)

    for precision, dtype in precisions(device).items():
        rate = matmul_rate(device, dtype)

        def forward(logits: Callable[[], Tensor], dtype: torch.dtype = dtype) -> Tensor:
            with torch.no_grad(), mixed_precision(device, dtype):
                return logits()

        def training_step(logits: Callable[[], Tensor], dtype: torch.dtype = dtype) -> None:
            with mixed_precision(device, dtype):
                loss = F.cross_entropy(logits(), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

        def paired(
            part: str,
            run: Callable[[Callable[[], Tensor]], object],
            aim: float | None,
            passes: int,
            precision: str = precision,
            rate: float = rate,
            difference: float = 0.0,
        ) -> Pair:
            def published() -> object:
                return run(lambda: oracle.logits(clip, model))

            def ours() -> object:
                return run(lambda: model(clip))

            taken = in_turns(published, ours, device, sizes.repeats)
            return Pair(
                name=f"{name}, {part}",
                precision=precision,
                clips=sizes.clips,
                published=taken[0],
                ours=taken[1],
                aim=aim,
                difference=difference,
                published_memory=most_memory(published, device),
                ours_memory=most_memory(ours, device),
                clips_per_second_by_flops=rate / (passes * macs),
            )

        gap = forward(lambda: oracle.logits(clip, model)) - forward(lambda: model(clip))
        difference = gap.abs().max().item()
        on_cpu = device.type == "cpu"
        yield paired("forward", forward, attention.forward if on_cpu else None, 1, difference=difference)
        aim = attention.training if on_cpu else GPU_TRAINING_AIM if dtype == torch.bfloat16 else None
        # Going back costs twice what going forward does.
        yield paired("training step", training_step, aim, 3, difference=difference)
        if isinstance(attention.config, TrajectoryAttention.Config):
            model.recompute_attention()
            yield paired("training step, recomputed", training_step, None, 3, difference=difference)
            model.recompute_attention(False)


def compared_selections(sizes: Sizes, device: torch.device) -> Iterator[Pair]:
    """The greedy choice of 128 prototypes, from all tokens of a clip and from the paper's random c*R with c = 4."""
    num_prototypes = min(128, (sizes.crop // 16) ** 2)
    grid = VideoViT.Config().tokens.grid(sizes.frames, sizes.crop, sizes.crop)
    torch.manual_seed(0)
    candidates = torch.randn(sizes.clips * sizes.heads, grid.tokens, sizes.width // sizes.heads, device=device)
    for name, count, aim in (("all", grid.tokens, 2.5), ("4 R", min(4 * num_prototypes, grid.tokens), 8.0)):
        some = candidates[:, :count].contiguous()
        first = torch.randint(count, (len(some),), device=device)
        runs = (
            lambda some=some, first=first: oracle.greedy_prototypes(some, first, num_prototypes),
            lambda some=some, first=first: most_orthogonal(some, first, num_prototypes),
        )
        if not torch.equal(*(run() for run in runs)):
            raise AssertionError("the two selections differ")
        taken = in_turns(*runs, device, sizes.repeats)
        yield Pair(
            name=f"selection of {num_prototypes} from {name} candidates",
            precision="float32",
            clips=0,
            published=taken[0],
            ours=taken[1],
            aim=aim if device.type == "cpu" else None,
            difference=0.0,
            published_memory=most_memory(runs[0], device),
            ours_memory=most_memory(runs[1], device),
            clips_per_second_by_flops=None,
        )


def precisions(device: torch.device) -> dict[str, torch.dtype]:
    """What models are timed in."""
    if device.type == "cuda":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}
    return {"float32": torch.float32}


def mixed_precision(device: torch.device, dtype: torch.dtype) -> contextlib.AbstractContextManager[object]:
    """Autocast to that type, or nothing for single precision."""
    return contextlib.nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype=dtype)
