"""The diffs in CONTRIBUTING.md apply to the current code, and the commands below them succeed."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
PACKAGES = (
    "reproduce", "reports", "runner", "experiments", "lightning_modules", "data", "models", "interface",
)  # fmt: skip


class Section(NamedTuple):
    """Title, diffs and commands of a section."""

    title: str
    diffs: tuple[str, ...]
    commands: tuple[str, ...]


def sections() -> list[Section]:
    found = []
    for part in TEXT.split("\n## ")[1:]:
        diffs = re.findall(r"```diff\n(.*?)```", part, flags=re.DOTALL)
        lines = [
            line for block in re.findall(r"```bash\n(.*?)```", part, flags=re.DOTALL) for line in block.splitlines()
        ]
        found.append(Section(part.splitlines()[0], tuple(diffs), tuple(line.partition(" #")[0] for line in lines)))
    return found


def test_every_section_has_its_diffs() -> None:
    assert [section.title for section in sections()] == [
        "A result", "A row", "A table", "A claim", "A model", "A data set", "A paper",
    ]  # fmt: skip
    assert [bool(section.diffs) for section in sections()] == [False, True, True, True, True, True, False]


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.title)
def test_diffs_apply_and_commands_succeed(section: Section, tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("tables", "results"))
    for folder in ("experiments/spec", "sixth_paper"):
        shutil.copytree(ROOT / "tests" / folder, tmp_path / "tests" / folder)
    for diff in section.diffs:
        applied = subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff, capture_output=True, text=True)
        assert applied.returncode == 0, applied.stdout + applied.stderr
        changed = re.findall(r"^\+\+\+ b/(\S+)", diff, flags=re.MULTILINE)
        subprocess.run([sys.executable, "-m", "compileall", "-q", *changed], cwd=tmp_path, check=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for command in section.commands:
        words = shlex.split(command)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            environment[name] = value
            continue
        if words == ["make", "index"]:
            subprocess.run([sys.executable, "-m", "reproduce.write_index"], cwd=tmp_path, env=environment, check=True)
            continue
        assert words[0] == "reproduce"
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout
    changed = re.findall(r"^\+\+\+ b/experiments/(\w+/\w+)\.py", "".join(section.diffs), flags=re.MULTILINE)
    if tables := [name for name in changed if "TABLE" in (tmp_path / f"experiments/{name}.py").read_text()]:
        tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/experiments/spec/test_catalog.py"]
        tests += ["-k", f"printed and ({' or '.join(tables)})"]
        done = subprocess.run([sys.executable, *tests], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_links_point_to_existing_files() -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", TEXT):
        assert target.startswith("https://") or (ROOT / target).exists(), target
