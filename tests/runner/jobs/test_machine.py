"""Findings on the machine: pinned packages, devices, and folders that can be written."""

import os
from pathlib import Path

import pytest
import torch

from data.inspection.findings import Finding
from runner.jobs import machine
from runner.jobs.machine import machine_findings
from runner.store.store import RunStore


@pytest.fixture(autouse=True)
def no_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without an NVIDIA driver."""
    monkeypatch.setattr(machine, "DRIVER", tmp_path / "none")


def findings(store: RunStore, *, needs_gpu: bool = False) -> dict[str, Finding]:
    return {finding.subject: finding for finding in machine_findings(store, generates=True, needs_gpu=needs_gpu)}


def test_all_packages_are_as_pinned_here(store: RunStore) -> None:
    assert findings(store)["packages"].severity == "ok"


def test_other_and_missing_packages_are_named(store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "requirements.txt").write_text("# ours\nnumpy==0.1  # old\nno-such-one==2\n")
    monkeypatch.setattr(machine, "REQUIREMENTS", tmp_path / "requirements.txt")
    other, missing = (f for f in machine_findings(store, generates=False, needs_gpu=False) if f.subject == "packages")
    assert other.severity == "warning" and other.what.endswith("pinned is 0.1")
    assert (missing.severity, missing.what) == ("error", "no-such-one is not installed") and missing.remedy


def test_a_scale_that_needs_a_gpu_warns_without_one(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert findings(store)["devices"].severity == "ok"
    assert findings(store, needs_gpu=True)["devices"].severity == "warning"


def test_a_driver_that_torch_cannot_use_is_named(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "version").touch()
    monkeypatch.setattr(machine, "DRIVER", tmp_path / "version")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    found = findings(store)["devices"]
    assert found.severity == "warning" and "cannot use it" in found.what and "driver 580 or newer" in found.remedy


def test_folders_that_cannot_be_written_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path / "cache" / "inner"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = findings(RunStore(tmp_path / "file" / "runs"))
    assert found["runs"].severity == "error" and found["runs"].remedy.endswith("name another place with --runs")
    assert found["stand-ins"].severity == "error" and "STAND_IN_CACHE" in found["stand-ins"].remedy
    monkeypatch.undo()
    assert findings(RunStore(tmp_path / "runs"))["runs"].severity == "ok"
