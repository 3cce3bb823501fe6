"""Benchmark cases of Motionformer: forward pass and training step with each attention, and selection of prototypes.

Ours and the published formulation of reference.py have the same weights and inputs.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from benchmarks.bench import NUM_CLASSES, Aims, Bench, Case, Sizes
from benchmarks.formulations import Formulations, all_macs
from benchmarks.formulations import pairs as formulation_pairs
from benchmarks.motionformer import reference
from benchmarks.timing import WARM_UP, Implementation, Pair
from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.orthoformer import most_orthogonal
from models.mixers.trajectory import TrajectoryAttention
from models.motionformer.model import Motionformer

ATTENTIONS: dict[str, MixerConfig] = {
    "trajectory": TrajectoryAttention.Config(),
    "trajectory-projected": TrajectoryAttention.Config(project_values=True),
    "joint": JointAttention.Config(),
    "divided": DividedAttention.Config(),
}
TARGET = ClassTarget(NUM_CLASSES)
AIMS: Aims = {
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


def clip_size(sizes: Sizes) -> ClipSize:
    return ClipSize(sizes.frames, sizes.crop, sizes.crop)


def model_config(sizes: Sizes, name: str) -> Motionformer.Config:
    """Config of the model with the attention of this name."""
    return Motionformer.Config(
        width=sizes.width, depth=sizes.depth, heads=sizes.heads, attention=ATTENTIONS[name], drop_path=0.0
    )


def model_macs(sizes: Sizes, name: str) -> tuple[float, float]:
    """Multiply-adds of a forward pass of all clips, published and ours."""
    config, size = model_config(sizes, name), clip_size(sizes)
    return sizes.clips * config.cost(size, TARGET).macs, sizes.clips * config.executed_macs(size, TARGET)


def recomputes(name: str) -> bool:
    return isinstance(ATTENTIONS[name], TrajectoryAttention.Config)


def models(name: str, bench: Bench) -> Iterator[Pair]:
    """Comparisons of the forward pass and the training step of a model with the attention of this name."""
    sizes, device = bench.sizes, bench.device
    torch.manual_seed(0)
    model = model_config(sizes, name).build(clip_size(sizes), TARGET).to(device)
    (clips,) = clip_size(sizes).example(sizes.clips, device)
    published_macs, our_macs = model_macs(sizes, name)

    def published() -> Tensor:
        return reference.logits(clips, model)

    def ours(recompute: bool = False) -> Tensor:
        model.recompute(recompute)
        return model(clips)

    trained = {", recomputed": partial(ours, True)} if recomputes(name) else {}
    formulations = Formulations(name, model, published, ours, trained, published_macs, our_macs)
    yield from formulation_pairs(formulations, bench, AIMS)


def macs_of_models(name: str, bench: Bench) -> float:
    """Multiply-adds of all calls in the comparisons of a model."""
    published, ours = model_macs(bench.sizes, name)
    return all_macs(published, ours, recomputes(name), bench)


def num_prototypes(sizes: Sizes) -> int:
    """Number of prototypes: 128, or the number of patches per frame if it is smaller."""
    return min(128, (sizes.crop // 16) ** 2)


def num_candidates(sizes: Sizes) -> dict[str, int]:
    """Numbers of candidates by label: all tokens, and the paper's c*R with c = 4."""
    tokens = Motionformer.Config().grid(clip_size(sizes)).tokens
    return {"all": tokens, "4 R": min(4 * num_prototypes(sizes), tokens)}


def selections(bench: Bench) -> Iterator[Pair]:
    """Comparisons of the greedy selection of prototypes."""
    sizes = bench.sizes
    torch.manual_seed(0)
    shape = (sizes.clips * sizes.heads, num_candidates(sizes)["all"], sizes.width // sizes.heads)
    candidates = torch.randn(shape, device=bench.device)
    for label, count in num_candidates(sizes).items():
        subset = candidates[:, :count].contiguous()
        first = torch.randint(count, (len(subset),), device=bench.device)
        published = partial(reference.greedy_prototypes, subset, first, num_prototypes(sizes))
        ours = partial(most_orthogonal, subset, first, num_prototypes(sizes))
        yield from bench.compared(
            Implementation(published, selection_macs(sizes, count)),
            {f"selection from {label} candidates": Implementation(ours, selection_macs(sizes, count))},
            precision="float32",
            difference=(published() != ours()).float().mean().item(),
            rate=None,
            aims=AIMS,
        )


def selection_macs(sizes: Sizes, count: int) -> float:
    """Multiply-adds of one selection from `count` candidates."""
    return sizes.clips * num_prototypes(sizes) * count * sizes.width


def macs_of_selections(bench: Bench) -> float:
    """Multiply-adds of all calls in the comparisons of selections."""
    each = 2 * sum(selection_macs(bench.sizes, count) for count in num_candidates(bench.sizes).values())
    return each * (WARM_UP + bench.sizes.repeats)


CASES = {
    "selection": Case(selections, macs_of_selections),
    **{name: Case(partial(models, name), partial(macs_of_models, name)) for name in ATTENTIONS},
}
