"""Contents of a paper: what it prints that is not a table of the catalog, as literals."""

import importlib
from typing import NamedTuple

from experiments.spec.catalog import paper_file


class Missing(NamedTuple):
    """Table or figure that is not reproduced yet. `name`: its name without the paper, as `table5`."""

    name: str
    caption: str


class Contents(NamedTuple):
    """Title and address of a paper, and what it prints besides the tables of the catalog.

    Args:
        missing: tables and figures that are not reproduced yet.
        without_numbers: figures that show no result, as drawings of an architecture.
    """

    title: str
    url: str
    missing: tuple[Missing, ...] = ()
    without_numbers: tuple[str, ...] = ()


def contents(paper: str) -> Contents | None:
    """Contents of a paper, from its `contents.py`; None if it has none."""
    if paper_file(paper, "contents.py") is None:
        return None
    return importlib.import_module(f"experiments.{paper}.contents").CONTENTS
