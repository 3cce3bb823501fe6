"""Provenance of results: commit, versions and hardware."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path

PACKAGES = ("torch", "torchvision", "lightning", "timm", "av")


def provenance() -> dict[str, object]:
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"commit": commit(), "versions": {"python": platform.python_version(), **versions}, "hardware": hardware()}


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

    from data.worker_processes import available_cores  # here, as torch: reports need neither

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
