"""The arrows between the packages, read off the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {"models", "data", "lightning_modules", "experiments", "reports", "benchmarks"}
MAY_IMPORT = {
    "models": set(),
    "data": set(),
    "lightning_modules": {"models"},
    "experiments": {"models", "data", "lightning_modules"},
    "reports": {"experiments", "models", "data"},
    "benchmarks": {"models", "experiments"},
}
# The command line reaches over: `reproduce report` and `reproduce tensorboard` are its verbs too.
EXCEPTIONS = {("experiments/verbs.py", "reports")}


def imported_packages(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            names.add((node.module or "").partition(".")[0])
    return names & OURS


@pytest.mark.parametrize("package", sorted(OURS))
def test_packages_import_only_along_the_arrows(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        name = file.relative_to(ROOT).as_posix()
        wrong = imported_packages(file) - MAY_IMPORT[package] - {package}
        wrong -= {target for source, target in EXCEPTIONS if source == name}
        assert not wrong, f"{name} imports {wrong}"


def test_package_files_hold_a_docstring_and_nothing_else() -> None:
    for package in sorted(OURS):
        for file in (ROOT / package).rglob("__init__.py"):
            body = ast.parse(file.read_text()).body
            assert len(body) == 1 and isinstance(body[0], ast.Expr), f"{file} holds more than a docstring"


def test_no_file_is_longer_than_400_lines() -> None:
    long = {
        file.relative_to(ROOT).as_posix(): count
        for package in sorted(OURS)
        for file in (ROOT / package).rglob("*.py")
        if (count := len(file.read_text().splitlines())) > 400
    }
    assert not long
