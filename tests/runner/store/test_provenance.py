"""Provenance of results: the commit, with a mark if files differ from it, versions and hardware."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.store import provenance


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Repository with some of our files, which replaces the repository of the module."""
    files = ("models/trunk.py", "runner/store/provenance.py", "reports/results/a.json", "reports/pages/render.py")
    for name in (*files, "benchmarks/results/b.json", "reports/tables/t.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as committed\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "runner/store/provenance.py"))
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


CODE = ("models/trunk.py", "runner/store/provenance.py", "reports/pages/render.py", "new.py")
NO_CODE = ("reports/results/a.json", "reports/tables/t.md", "benchmarks/results/b.json", "notes.txt")


@pytest.mark.parametrize("file", CODE + NO_CODE)
def test_a_commit_is_marked_if_code_differs_from_it_but_not_for_generated_and_untracked_files(
    repository: Path, file: str
) -> None:
    head = git(repository, "rev-parse", "HEAD")
    assert provenance.commit() == head[:10]
    (repository / file).write_text("changed\n")
    assert provenance.commit() == head[:10] + ("+changes" if file in CODE else "")


def test_outside_of_git_the_commit_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "runner/store/provenance.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.commit() == "unknown"


def test_provenance_contains_versions_and_hardware() -> None:
    found = provenance.provenance()
    assert found.keys() == {"commit", "versions", "hardware"}
    versions = found["versions"]
    assert isinstance(versions, dict) and versions.keys() == {"python", *provenance.PACKAGES}
    assert provenance.cores().partition(" ")[2].startswith("cores of ")


def test_hardware_names_the_vector_instructions() -> None:
    code = "from runner.store.provenance import cores; print(cores())"
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "default"}
    text = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert text.stdout.strip().endswith(" with DEFAULT")
