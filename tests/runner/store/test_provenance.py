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


def test_a_clean_tree_has_the_name_of_its_commit(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    assert provenance.commit() == head[:10]


@pytest.mark.parametrize("file", ["models/trunk.py", "runner/store/provenance.py", "reports/pages/render.py", "new.py"])
def test_a_change_of_any_package_is_marked(repository: Path, file: str) -> None:
    (repository / file).write_text("changed\n")
    assert provenance.commit() == git(repository, "rev-parse", "HEAD")[:10] + "+changes"


@pytest.mark.parametrize("file", ["reports/results/a.json", "reports/tables/t.md", "benchmarks/results/b.json"])
def test_generated_and_untracked_files_are_not_marked_as_changes(repository: Path, file: str) -> None:
    (repository / file).write_text("changed\n")
    (repository / "notes.txt").write_text("not tracked\n")
    assert not provenance.commit().endswith("+changes")


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
