"""How a number came about: commit, versions, hardware."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import torch

PACKAGES = ("torch", "torchvision", "lightning", "timm", "av")


def provenance() -> dict[str, object]:
    """Commit, versions and hardware of this process."""
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "commit": commit(),
        "versions": {"python": platform.python_version(), **versions},
        "hardware": hardware(),
    }


def commit() -> str:
    """The commit of the code that runs, with `+changes` where files differ from it; `unknown` outside git."""
    root = Path(__file__).resolve().parents[2]

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True).stdout

    try:
        revision = git("rev-parse", "--short=10", "HEAD").strip()
        # What reports and benchmarks write is no change of the code that made the number.
        written = (":!reports/tables", ":!reports/results", ":!benchmarks/results")
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", *written)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return revision + ("+changes" if changed.strip() else "")


def hardware() -> str:
    """The device that computes, in words."""
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    return cores()


def cores() -> str:
    """The processor, in words."""
    return f"{len(os.sched_getaffinity(0))} cores of {_processor()}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()
