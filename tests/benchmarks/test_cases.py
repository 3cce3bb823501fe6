import importlib
from pathlib import Path

import pytest

from benchmarks.bench import Case
from benchmarks.cases import CASES, NAMES, merged

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
EMPTY = Case(pairs=lambda bench: iter(()), macs=lambda bench: 0.0)


def test_the_cases_of_every_paper_are_there() -> None:
    papers = sorted(file.parent.name for file in BENCHMARKS.glob("*/cases.py"))
    assert "motionformer" in papers
    cases = {paper: importlib.import_module(f"benchmarks.{paper}.cases").CASES for paper in papers}
    assert merged(cases) == CASES
    assert tuple(CASES) == NAMES


def test_cases_of_all_papers_are_merged_in_order() -> None:
    assert list(merged({"one": {"b": EMPTY, "a": EMPTY}, "two": {}, "three": {"c": EMPTY}})) == ["b", "a", "c"]


def test_a_name_that_two_papers_use_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^benchmarks: one and three both have a case 'a'; rename one of them$"):
        merged({"one": {"a": EMPTY}, "two": {"b": EMPTY}, "three": {"c": EMPTY, "a": EMPTY}})
