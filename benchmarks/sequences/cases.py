"""Benchmark cases of token sequences: a training step of the encoder with each attention, by the length of a sequence.

The published formulation is exact attention with its map in memory. Other attentions are other models.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from benchmarks.bench import NUM_CLASSES, TRAINING, Bench, Case, classification_step
from benchmarks.timing import WARM_UP, Implementation, Pair
from interface.sizes import TokenSequenceSize
from interface.targets import ClassTarget
from models.mixers.linformer import Linformer
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer
from models.mixers.space import Approximation
from models.sequence.encoder import SequenceEncoder
from runner.measure.measure import saved_per_item

LENGTHS = (1024, 2048, 4096, 8192)
VOCABULARY = 512
TARGET = ClassTarget(NUM_CLASSES)
APPROXIMATIONS: dict[str, Approximation | None] = {
    "exact": None,
    "performer": Performer.Config(num_features=256, kernel="two-sided"),
    "nystromformer": Nystromformer.Config(num_prototypes=128, trains_landmarks=True, conv_kernel=35),
    "orthoformer": Orthoformer.Config(num_prototypes=64, candidates="queries-and-keys"),
    "linformer": Linformer.Config(num_prototypes=256),
}
PUBLISHED = SequenceEncoder.Config(stores_map=True)
OURS = {name: SequenceEncoder.Config(approximation=each) for name, each in APPROXIMATIONS.items()}


def case_name(length: int) -> str:
    return f"sequences-{length}"


def pairs(length: int, bench: Bench) -> Iterator[Pair]:
    """Comparisons of a training step with each attention with that of the published formulation of exact attention."""
    size, count, device = TokenSequenceSize(length, VOCABULARY), bench.sizes.clips, bench.device
    torch.manual_seed(0)
    inputs = size.example(count, device)
    published_saved = saved_per_item(PUBLISHED, size, TARGET)
    for precision in bench.precisions:
        dtype = getattr(torch, precision)

        def step(config: SequenceEncoder.Config, dtype: torch.dtype = dtype) -> Implementation:
            model = config.build(size, TARGET).train().to(device)
            training = classification_step(device, dtype, model, count)
            return Implementation(partial(training, partial(model, *inputs)), step_macs(config, size, count))

        ours = {f"{case_name(length)} {name}, training step": step(config) for name, config in OURS.items()}
        found = bench.compared(step(PUBLISHED), ours, precision=precision, difference=None, rate=None, aims={})
        for pair, config in zip(found, OURS.values(), strict=True):
            saved = saved_per_item(config, size, TARGET)
            yield replace(pair, length=length, published_saved=published_saved, ours_saved=saved)


def step_macs(config: SequenceEncoder.Config, size: TokenSequenceSize, count: int) -> float:
    return TRAINING * count * config.macs(size, TARGET)


def all_macs(length: int, bench: Bench) -> float:
    """Multiply-adds of all calls of the comparisons of a length."""
    size = TokenSequenceSize(length, VOCABULARY)
    each = sum(step_macs(config, size, bench.sizes.clips) for config in (PUBLISHED, *OURS.values()))
    return len(bench.precisions) * each * (WARM_UP + bench.sizes.repeats)


CASES = {case_name(length): Case(partial(pairs, length), partial(all_macs, length)) for length in LENGTHS}
