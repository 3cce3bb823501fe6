"""What is compared: models with each attention, forward and training step, and the selection of prototypes.

Ours and the published formulation of benchmarks/oracle.py take the same weights and the same clips.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import oracle
from benchmarks.timing import WARM_UP, Pair, Way, in_turns, matmul_rate, most_memory
from models.cost import executed_macs, published_macs
from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.orthoformer import most_orthogonal
from models.mixers.trajectory import TrajectoryAttention
from models.trunk import VideoViT

ATTENTIONS: dict[str, MixerConfig] = {
    "trajectory": TrajectoryAttention.Config(),
    "trajectory-projected": TrajectoryAttention.Config(project_values=True),
    "joint": JointAttention.Config(),
    "divided": DividedAttention.Config(),
}
SELECTION = "selection"
NAMES = (SELECTION, *ATTENTIONS)
# The ratios aimed at with the paper's model and clips: on which device, of what, in which precision.
AIMS = {
    ("cpu", "trajectory, forward", "float32"): 2.3,
    ("cpu", "trajectory, training step", "float32"): 1.9,
    ("cpu", "trajectory-projected, forward", "float32"): 2.3,
    ("cpu", "trajectory-projected, training step", "float32"): 1.9,
    ("cpu", "joint, forward", "float32"): 2.0,
    ("cpu", "joint, training step", "float32"): 1.6,
    ("cpu", "divided, forward", "float32"): 0.95,
    ("cpu", "divided, training step", "float32"): 0.95,
    ("cpu", "selection from all candidates", "float32"): 2.5,
    ("cpu", "selection from 4 R candidates", "float32"): 8.0,
    ("cuda", "trajectory, training step", "bfloat16"): 2.5,
    ("cuda", "trajectory-projected, training step", "bfloat16"): 2.5,
}
NUM_CLASSES = 400
TRAINING = 3  # a training step costs three forwards: going back costs two


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The model and the clips; by default the paper's."""

    depth: int = 12
    width: int = 768
    heads: int = 12
    frames: int = 16
    crop: int = 224
    clips: int = 1
    repeats: int = 2  # a quarter of an hour for all comparisons on one core

    @property
    def papers(self) -> bool:
        """Whether the model and the size of a clip are the paper's."""
        return replace(self, clips=1, repeats=1) == Sizes(clips=1, repeats=1)

    @property
    def tokens(self) -> int:
        """Patch tokens of a clip."""
        return VideoViT.Config().tokens.grid(self.frames, self.crop, self.crop).tokens

    @property
    def num_prototypes(self) -> int:
        """128, or of small clips as many as a frame has patches."""
        return min(128, (self.crop // 16) ** 2)

    @property
    def num_candidates(self) -> dict[str, int]:
        """What prototypes are chosen from: all tokens, or the paper's random c*R with c = 4."""
        return {"all": self.tokens, "4 R": min(4 * self.num_prototypes, self.tokens)}

    def model(self, name: str) -> VideoViT.Config:
        """A model of this size with the attention of that name."""
        return VideoViT.Config(
            width=self.width, depth=self.depth, heads=self.heads, attention=ATTENTIONS[name], drop_path=0.0
        )

    def macs(self, name: str) -> tuple[float, float]:
        """Multiply-adds of a forward of the clips: published, and ours."""
        config, size = self.model(name), {"frames": self.frames, "crop": self.crop, "num_classes": NUM_CLASSES}
        return self.clips * published_macs(config, **size), self.clips * executed_macs(config, **size)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where comparisons are made, in which precisions, and who is told of the multiply-adds of each call."""

    sizes: Sizes
    device: torch.device
    precisions: tuple[str, ...]
    advance: Callable[[float], object]

    def pairs(self, names: list[str]) -> Iterator[Pair]:
        """The comparisons of these names, one at a time."""
        for name in names:
            yield from self.selections() if name == SELECTION else self.models(name)

    def macs(self, names: list[str]) -> float:
        """What `advance` will have been told in all."""
        each = 0.0
        for name in names:
            if name == SELECTION:
                each += 2 * sum(map(self.selection_macs, self.sizes.num_candidates.values()))
            else:
                published, ours = self.sizes.macs(name)
                recomputed = TRAINING * ours if recomputes(name) else 0
                each += len(self.precisions) * ((1 + TRAINING) * (published + ours) + recomputed)
        return each * (WARM_UP + self.sizes.repeats)

    def models(self, name: str) -> Iterator[Pair]:
        """Forward and training step of a model with the attention of that name."""
        sizes, device = self.sizes, self.device
        torch.manual_seed(0)
        model = sizes.model(name).build(frames=sizes.frames, crop=sizes.crop, num_classes=NUM_CLASSES).to(device)
        clips = torch.randn(sizes.clips, sizes.frames, 3, sizes.crop, sizes.crop, device=device)
        published_macs, ours_macs = sizes.macs(name)

        def published() -> Tensor:
            return oracle.logits(clips, model)

        def ours(recompute: bool = False) -> Tensor:
            model.recompute_attention(recompute)
            return model(clips)

        for precision in self.precisions:
            dtype = getattr(torch, precision)
            rate = matmul_rate(device, dtype)
            forward, step = Forward(device, dtype), TrainingStep(device, dtype, model, sizes.clips)
            difference = (forward(published) - forward(ours)).abs().max().item()
            for part, run, passes in (("forward", forward, 1), ("training step", step, TRAINING)):
                ways = {f"{name}, {part}": Way(partial(run, ours), passes * ours_macs)}
                if run is step and recomputes(name):
                    ways[f"{name}, {part}, recomputed"] = Way(partial(run, partial(ours, True)), passes * ours_macs)
                yield from self.compared(
                    Way(partial(run, published), passes * published_macs),
                    ways,
                    precision=precision,
                    difference=difference,
                    rate=rate,
                )

    def selections(self) -> Iterator[Pair]:
        """The greedy choice of 128 prototypes."""
        sizes = self.sizes
        torch.manual_seed(0)
        shape = (sizes.clips * sizes.heads, sizes.tokens, sizes.width // sizes.heads)
        candidates = torch.randn(shape, device=self.device)
        for label, count in sizes.num_candidates.items():
            some = candidates[:, :count].contiguous()
            first = torch.randint(count, (len(some),), device=self.device)
            published = partial(oracle.greedy_prototypes, some, first, sizes.num_prototypes)
            ours = partial(most_orthogonal, some, first, sizes.num_prototypes)
            yield from self.compared(
                Way(published, self.selection_macs(count)),
                {f"selection from {label} candidates": Way(ours, self.selection_macs(count))},
                precision="float32",
                difference=(published() != ours()).float().mean().item(),
                rate=None,
            )

    def selection_macs(self, num_candidates: int) -> float:
        """Multiply-adds of one selection."""
        return self.sizes.clips * self.sizes.num_prototypes * num_candidates * self.sizes.width

    def compared(
        self, published: Way, ours: dict[str, Way], *, precision: str, difference: float, rate: float | None
    ) -> Iterator[Pair]:
        """Each of our ways beside the published one, all timed in turns."""
        theirs, *taken = in_turns([published, *ours.values()], self.device, self.sizes.repeats, self.advance)
        memory = most_memory(published.run, self.device)
        for (name, way), turns in zip(ours.items(), taken, strict=True):
            yield Pair(
                name=name,
                precision=precision,
                clips=self.sizes.clips if rate is not None else 0,
                published=theirs,
                ours=turns,
                aim=AIMS.get((self.device.type, name, precision)) if self.sizes.papers else None,
                difference=difference,
                published_memory=memory,
                ours_memory=most_memory(way.run, self.device),
                ours_by_flops=way.macs / rate if rate is not None else None,
            )


class Forward:
    """Logits without gradients, in a precision."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device = device
        self.dtype = dtype

    def __call__(self, logits: Callable[[], Tensor]) -> Tensor:
        """Compute them."""
        with torch.no_grad(), mixed_precision(self.device, self.dtype):
            return logits()


class TrainingStep:
    """Forward, backward and update of a model, in a precision; the optimiser keeps what it keeps for all ways."""

    def __init__(self, device: torch.device, dtype: torch.dtype, model: VideoViT, num_clips: int) -> None:
        self.device = device
        self.dtype = dtype
        self.labels = torch.arange(num_clips, device=device) % NUM_CLASSES
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def __call__(self, logits: Callable[[], Tensor]) -> None:
        """Train once."""
        with mixed_precision(self.device, self.dtype):
            loss = F.cross_entropy(logits(), self.labels)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def recomputes(name: str) -> bool:
    """Whether the attention of that name can be computed again going back."""
    return isinstance(ATTENTIONS[name], TrajectoryAttention.Config)


def mixed_precision(device: torch.device, dtype: torch.dtype) -> contextlib.AbstractContextManager[object]:
    """Autocast to that type, or nothing for single precision."""
    return contextlib.nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype=dtype)
