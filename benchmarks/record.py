"""Records of measurements on a machine with their conditions, stored as JSON.

Every pair is written as soon as it is measured. All pairs of a file have the same conditions. A pair that is measured
again at the same commit gets more turns, from another process, whose heap may differ. At another commit, the new
measurement replaces the old one.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import MISSING, Field, asdict, dataclass, fields, replace
from pathlib import Path

import torch

from benchmarks.bench import Sizes
from benchmarks.timing import Pair, Timing
from runner.machine.files import read_json
from runner.store.provenance import cores, provenance

# Prefixes of environment variables that affect the allocation of memory and threads, and so the timings.
ENVIRONMENT_PREFIXES = (
    "MALLOC_",
    "OMP_",
    "MKL_",
    "THP_",
    "PYTORCH_",
    "TORCH_",
    "CUBLAS_",
    "CUDA_",
    "NVIDIA_TF32",
    "LD_PRELOAD",
)
# Fields of a measurement beside its pair.
ORIGIN = ("commit", "date", "load_average")


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Conditions that all pairs of a file share."""

    hardware: str
    device: str
    threads: int
    versions: dict[str, str]
    environment: dict[str, str]
    sizes: dict[str, int]

    @classmethod
    def here(cls, sizes: Sizes, device: torch.device) -> "Conditions":
        """Conditions of this process."""
        versions = provenance()["versions"]
        assert isinstance(versions, dict)
        return cls(
            hardware=cores() if device.type == "cpu" else torch.cuda.get_device_name(device),
            device=device.type,
            threads=torch.get_num_threads(),
            versions=versions,
            environment={
                name: value for name, value in sorted(os.environ.items()) if name.startswith(ENVIRONMENT_PREFIXES)
            },
            sizes=asdict(sizes),
        )


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A pair, its commit, its date (UTC) and the load average of the minute before."""

    pair: Pair
    commit: str
    date: str
    load_average: float


class Record:
    """Measurements of a file, by name and precision of the pair."""

    def __init__(self, conditions: Conditions, measurements: Iterable[Measurement] = ()) -> None:
        self.conditions = conditions
        self.measurements = {(one.pair.name, one.pair.precision): one for one in measurements}

    def add(self, measurement: Measurement) -> None:
        """Add a measurement: merge it with one of the same pair and commit, or replace one of another commit."""
        key = measurement.pair.name, measurement.pair.precision
        before = self.measurements.get(key)
        clean = measurement.commit.isalnum()  # no uncommitted changes
        if before is not None and before.commit == measurement.commit and clean:
            measurement = replace(measurement, pair=before.pair.merged_with(measurement.pair))
        self.measurements[key] = measurement

    @property
    def pairs(self) -> list[Pair]:
        return [one.pair for one in self.measurements.values()]

    def json(self) -> str:
        """Content of the JSON file."""
        pairs = [to_json(one) for one in self.measurements.values()]
        return json.dumps({**asdict(self.conditions), "pairs": pairs}, indent=1) + "\n"


def to_json(measurement: Measurement) -> dict[str, object]:
    """JSON object of a measurement. Ratios are for people who read the file: `from_json` recomputes them."""
    pair = measurement.pair
    origin = {name: getattr(measurement, name) for name in ORIGIN}
    return {**asdict(pair), "ratio": pair.ratio, "ratios": pair.ratios, **origin}


def read(path: Path) -> Record:
    """Record in a file.

    Raises:
        ValueError: if the file does not exist or contains something else.
    """
    content = read_json(path)
    if content is None:
        raise ValueError(f"{path} is not there")
    try:
        conditions = Conditions(**{field.name: content[field.name] for field in fields(Conditions)})
        return Record(conditions, [from_json(pair) for pair in content["pairs"]])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no benchmarks as this version writes them ({error})") from None


def has_value(field: Field, content: dict) -> bool:
    """Whether a JSON object must contain a field, or does. Files of earlier versions lack fields with defaults."""
    return field.default is MISSING or field.name in content


def from_json(content: dict) -> Measurement:
    """Measurement of a JSON object."""
    pair = Pair(**{field.name: content[field.name] for field in fields(Pair) if has_value(field, content)})
    turns = {side: tuple(Timing(*turn) for turn in getattr(pair, side)) for side in ("published", "ours")}
    origin = {name: content[name] for name in ORIGIN}
    return Measurement(pair=replace(pair, **turns), **origin)
