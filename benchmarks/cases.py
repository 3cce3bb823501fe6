"""Benchmark cases of all papers, and of sequences, by their names on the command line."""

from collections.abc import Mapping

from benchmarks.bench import Case
from benchmarks.cast import cases as cast
from benchmarks.deform3d import cases as deform3d
from benchmarks.motionformer import cases as motionformer
from benchmarks.msca import cases as msca
from benchmarks.sequences import cases as sequences
from benchmarks.xvit import cases as xvit


def merged(papers: Mapping[str, Mapping[str, Case]]) -> dict[str, Case]:
    """Cases of all papers by name.

    Args:
        papers: cases of each paper.

    Raises:
        ValueError: for a name that two papers use.
    """
    paper_of_case: dict[str, str] = {}
    for paper, cases in papers.items():
        for name in cases:
            if (other := paper_of_case.setdefault(name, paper)) != paper:
                raise ValueError(f"benchmarks: {other} and {paper} both have a case '{name}'; rename one of them")
    return {name: case for cases in papers.values() for name, case in cases.items()}


CASES = merged(
    {
        "motionformer": motionformer.CASES,
        "msca": msca.CASES,
        "xvit": xvit.CASES,
        "cast": cast.CASES,
        "deform3d": deform3d.CASES,
        "sequences": sequences.CASES,
    }
)
NAMES = tuple(CASES)
