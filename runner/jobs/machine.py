"""Findings on the machine: packages, devices, and where files can be written."""

import importlib.metadata
import os
import re
from collections.abc import Iterator
from pathlib import Path

import torch

from data.inspection.findings import Finding
from data.synthetic.ensure import default_cache
from runner.machine.files import StoreError, existing, free_bytes
from runner.machine.messages import bytes_text
from runner.store.provenance import cores, hardware
from runner.store.store import RunStore

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"
PINNED = re.compile(r"^([\w-]+)==([\w.]+)", re.MULTILINE)
DRIVER = Path("/proc/driver/nvidia/version")  # exists where the driver is loaded


def machine_findings(store: RunStore, *, generates: bool, needs_gpu: bool) -> Iterator[Finding]:
    """Findings on packages, devices and write access.

    Args:
        generates: whether runs generate stand-ins.
        needs_gpu: whether runs take weeks without a GPU.
    """
    yield from _packages()
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    if torch.cuda.is_available():
        yield Finding("ok", "devices", f"{hardware()}, {cores()}")
    elif DRIVER.exists() and torch.version.cuda is not None and not hidden:
        yield Finding(
            "warning",
            "devices",
            f"there is an NVIDIA driver, but torch {torch.__version__} cannot use it; {cores()} are used instead",
            "this torch needs a driver for its version of CUDA (+cu130: driver 580 or newer, Turing or newer GPUs): update "
            "the driver, or install a torch for an older CUDA",
        )
    elif needs_gpu:
        yield Finding("warning", "devices", f"no GPU, {cores()}", "training at this scale takes weeks without a GPU")
    else:
        yield Finding("ok", "devices", f"no GPU, {cores()}")
    try:
        store.check_writable()
        free = bytes_text(free_bytes(store.root))
        yield Finding("ok", "runs", f"{store.root.absolute()} can be written, {free} free")
    except StoreError as error:
        yield Finding.of_error("runs", error)
    if generates:
        cache = default_cache()
        if os.access(existing(cache), os.W_OK):
            yield Finding("ok", "stand-ins", f"{cache} can be written, {bytes_text(free_bytes(cache))} free")
        else:
            yield Finding("error", "stand-ins", f"{cache} cannot be written", "name another folder with STAND_IN_CACHE")


def _packages() -> Iterator[Finding]:
    """Packages that differ from the pinned versions."""
    if not REQUIREMENTS.exists():
        return
    pinned = dict(PINNED.findall(REQUIREMENTS.read_text()))
    remedy, same = "pip install -r requirements.txt", True
    for name, version in pinned.items():
        try:
            found = importlib.metadata.version(name).partition("+")[0]  # a build for one device has a suffix
        except importlib.metadata.PackageNotFoundError:
            yield Finding("error", "packages", f"{name} is not installed", remedy)
            same = False
            continue
        if found != version:
            yield Finding("warning", "packages", f"{name} is {found}, pinned is {version}", remedy)
            same = False
    if same:
        yield Finding("ok", "packages", f"all {len(pinned)} as pinned, torch {torch.__version__}")
