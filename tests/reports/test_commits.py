"""Comparison of the code of results with HEAD: only files that can change results count."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.runner.store import RunStore
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.table import Table
from reports import commits
from reports.collect import collect
from reports.commits import differences, with_code_marks
from reports.markdown import markdown
from reports.render import as_json

RunOf = Callable[..., RunConfig]
Finish = Callable[..., None]


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def change(folder: Path, *files: str) -> str:
    """Commit a change of files; returns the short hash."""
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("a") as file:
            file.write("changed\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "change")
    return git(folder, "rev-parse", "--short=10", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Repository in place of ours."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    monkeypatch.setattr(commits, "ROOT", folder)
    return folder


def test_only_files_that_can_change_results_count(repository: Path) -> None:
    first = change(repository, "models/trunk.py", "README.md")
    assert differences({first}) == {}
    change(
        repository,
        "README.md",
        "experiments/paper/README.md",
        "tests/a.py",
        "reports/a.py",
        "reports/results/a.json",
        "experiments/spec/claims.py",
        "experiments/paper/table1.py",
        "reproduce/list_tables.py",
    )
    assert differences({first}) == {}
    head = change(repository, "models/trunk.py", "requirements.txt")
    assert differences({first, head}) == {first: f"2 files that can change results differ from HEAD {head}"}


@pytest.mark.parametrize(
    ("commit", "text"),
    [
        ("{}+changes", "with changes that were not committed, HEAD is {}"),
        ("0123456789", "not in this repository, HEAD is {}"),
        ("unknown", "not known, HEAD is {}"),
        ("--output=harm", "not known, HEAD is {}"),
    ],
)
def test_a_commit_that_cannot_be_compared_counts_as_different(repository: Path, commit: str, text: str) -> None:
    head = change(repository, "models/trunk.py")
    assert differences({commit.format(head)}) == {commit.format(head): text.format(head)}


def test_each_commit_of_a_training_and_its_test_is_compared(repository: Path) -> None:
    old = change(repository, "models/trunk.py")
    head = change(repository, "models/trunk.py")
    both = f"{old} and {head}"
    assert differences({both}) == {both: f"{old}: 1 file that can change results differ from HEAD {head}"}
    change(repository, "docs/layout.md")
    assert differences({head}) == {}


def test_outside_of_git_nothing_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert differences({"0123456789"}) == {}


def test_cells_of_other_code_are_marked_in_what_is_printed(
    repository: Path, table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    old = change(repository, "models/trunk.py")
    head = change(repository, "models/trunk.py")
    finish(run_of(small, "joint.k400"), 60.0, commit=head)
    finish(run_of(small, "joint.ssv2"), 50.0, commit=old)
    report = with_code_marks(collect(table, small, store, rows=["joint"]))
    assert [cell.other_code for cell in report.rows[0].cells] == [False, False, True, True]
    text = markdown(report)
    assert "50.0¶ (64.0)" in text and "10.0¶ (15.2)" in text and f" | {old} ¶" in text and f" | {head} " in text
    assert "`¶` measured with other code than that of HEAD" in text
    assert f"of HEAD: {old} (1 file that can change results differ from HEAD {head})" in text
    assert as_json(report)["facts"]["other_code"].keys() == {old}  # type: ignore[index]
    assert "¶" not in markdown(collect(table, small, store, rows=["joint"]))


def test_cells_of_trainings_with_other_code_are_marked(
    repository: Path, table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    old = change(repository, "models/trunk.py")
    head = change(repository, "models/trunk.py")
    trained = {"commit": old, "hardware": "8 x GPU", "versions": {}}
    finish(run_of(small, "joint.k400"), 60.0, commit=head, training=[trained, {**trained, "commit": head}])
    report = with_code_marks(collect(table, small, store, rows=["joint"]))
    assert [cell.other_code for cell in report.rows[0].cells][:2] == [False, True]
    assert f"{old}: 1 file that can change results differ from HEAD {head}" in markdown(report)
