"""Provenance of results: commit, versions and hardware."""

import importlib.metadata
import platform
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from data.worker_processes import available_cores

PACKAGES = ("torch", "torchvision", "lightning", "timm", "av")
# Fields of results with the provenance of all processes of the training, and of those of the runs it starts from, if
# they are not that of the test.
TRAINING, PARENTS = "training", "parents"
UNKNOWN = {"commit": "unknown", "versions": {}, "hardware": "unknown"}


def provenance() -> dict[str, object]:
    """Commit, versions and hardware of this process."""
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "commit": commit(),
        "versions": {"python": platform.python_version(), **versions},
        "hardware": hardware(),
    }


def joined(values: Iterable[object]) -> str:
    return " and ".join(dict.fromkeys(part for value in values for part in separate(str(value))))


def separate(values: str) -> list[str]:
    return values.split(" and ")


def trained_by(result: Mapping) -> list[Mapping]:
    """Provenance of the processes of the training of a result; that of its test if they are the same."""
    return result.get(TRAINING, [result])


def sessions(result: Mapping) -> list[Mapping]:
    """Provenance of all processes on which a result depends: of parents, of the training, and of the test."""
    return [*result.get(PARENTS, ()), *result.get(TRAINING, ()), result]


def commit() -> str:
    """Commit of the running code, with the suffix `+changes` if files differ from it; `unknown` outside git."""
    root = Path(__file__).resolve().parents[2]

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True).stdout

    try:
        revision = git("rev-parse", "--short=10", "HEAD").strip()
        # Files written by reports and benchmarks are not code.
        generated = (":!reports/tables", ":!reports/results", ":!benchmarks/results")
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", *generated)
        changed += git("ls-files", "--others", "--exclude-standard", "--", "*.py")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return revision + ("+changes" if changed.strip() else "")


def hardware() -> str:
    """Number and name of the GPUs, or of the CPU cores without GPUs."""
    import torch  # here: the command prints its commit without importing it

    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    return cores()


def cores() -> str:
    """Number of available CPU cores, name of the CPU, and the vector instructions that PyTorch uses.

    Other instructions add the same numbers in another order, so that the results of a training differ.
    """
    import torch

    instructions = torch.backends.cpu.get_cpu_capability()
    return f"{available_cores()} cores of {_processor()} with {instructions}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()
