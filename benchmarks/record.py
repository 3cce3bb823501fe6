"""What a machine measured, kept as JSON with how it came about, and shown as a table.

Every pair is kept as soon as it is measured. A file holds what was measured under the same conditions. A pair that is
measured again at the same commit gets more turns, from another process, whose heap may be another; at another commit it
takes its own place, and no other's.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import torch

from benchmarks.cases import Sizes
from benchmarks.timing import Pair, Spent
from experiments.provenance import cores, provenance
from experiments.store import read_json

# What shapes how memory and threads are handed out, and so the times.
SHAPING = ("MALLOC_", "OMP_", "MKL_", "THP_", "PYTORCH_", "TORCH_", "CUBLAS_", "CUDA_", "NVIDIA_TF32", "LD_PRELOAD")


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What is alike for all pairs of a file."""

    hardware: str
    device: str
    threads: int
    versions: dict[str, str]
    environment: dict[str, str]
    sizes: dict[str, int]

    @classmethod
    def here(cls, sizes: Sizes, device: torch.device) -> "Conditions":
        """Those of this process."""
        versions = provenance()["versions"]
        assert isinstance(versions, dict)
        return cls(
            hardware=cores() if device.type == "cpu" else torch.cuda.get_device_name(device),
            device=device.type,
            threads=torch.get_num_threads(),
            versions=versions,
            environment={name: value for name, value in sorted(os.environ.items()) if name.startswith(SHAPING)},
            sizes=asdict(sizes),
        )


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A pair, the commit that was measured, when (UTC), and the machine's load over the minute before."""

    pair: Pair
    commit: str
    date: str
    load_average: float


class Record:
    """The pairs of a file, by name and precision."""

    def __init__(self, conditions: Conditions, measured: Iterable[Measured] = ()) -> None:
        self.conditions = conditions
        self.measured = {(one.pair.name, one.pair.precision): one for one in measured}

    def add(self, one: Measured) -> None:
        """Take a pair in: beside what was measured of it at the same commit, in place of what was at another."""
        key = one.pair.name, one.pair.precision
        before = self.measured.get(key)
        if before is not None and before.commit == one.commit and one.commit.isalnum():  # one without changes
            one = replace(one, pair=before.pair.and_turns_of(one.pair))
        self.measured[key] = one

    @property
    def pairs(self) -> list[Pair]:
        """The pairs."""
        return [one.pair for one in self.measured.values()]

    def json(self) -> str:
        """What a file holds of it."""
        pairs = [described(one) for one in self.measured.values()]
        return json.dumps({**asdict(self.conditions), "pairs": pairs}, indent=1) + "\n"


def described(one: Measured) -> dict[str, object]:
    """A pair as JSON holds it; the ratios are for readers, and computed again when read."""
    pair = one.pair
    how = {"commit": one.commit, "date": one.date, "load_average": one.load_average}
    return {**asdict(pair), "ratio": pair.ratio, "ratios": pair.ratios, **how}


def read(path: Path) -> Record:
    """The record that a file holds.

    Raises:
        ValueError: when the file holds something else.
    """
    content = read_json(path)
    if content is None:
        raise ValueError(f"{path} is not there")
    try:
        conditions = Conditions(**{field.name: content[field.name] for field in fields(Conditions)})
        return Record(conditions, [measured(pair) for pair in content["pairs"]])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no benchmarks as this version writes them ({error})") from None


def measured(described: dict) -> Measured:
    """A pair read back from JSON."""
    pair = Pair(**{field.name: described[field.name] for field in fields(Pair)})
    turns = {way: tuple(Spent(*turn) for turn in getattr(pair, way)) for way in ("published", "ours")}
    how = {name: described[name] for name in ("commit", "date", "load_average")}
    return Measured(pair=replace(pair, **turns), **how)
