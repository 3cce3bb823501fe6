"""Catalog of papers and tables, from the committed index and from the folders of $REPRODUCE_PAPERS.

A paper is a subdirectory of `experiments/`, or of a folder listed in $REPRODUCE_PAPERS. Tables are the `Table` objects of the
modules of its directory. Those of this repository are in the index, which `make index` writes: to import them all takes
seconds. Those of other folders are imported.
"""

import difflib
import fnmatch
import functools
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from experiments.spec.paper_folders import HOME, members, paper_folders

if TYPE_CHECKING:
    from experiments.spec.paper import Paper
    from experiments.spec.released import ReleasedWeights
    from experiments.spec.table import Table

INDEX = HOME / "table_index.json"


class Selection(NamedTuple):
    """A table, and the keys of its selected rows; None for all rows."""

    table: "Table"
    rows: tuple[str, ...] | None


class Contents(TypedDict):
    """Title and address of a paper, and the captions of its drawings, which contain nothing to reproduce, by name."""

    title: str
    url: str
    without_numbers: Mapping[str, str]


class Entry(TypedDict):
    """Facts about a table.

    `module`: file of the table, without suffix, in the directory of its paper.
    `rows`, `columns`: keys of its rows, and of its columns with runs.
    `data`: names of the data sets of its runs.
    `runs`: by scale, the distinct tests that its cells show, each `train id/eval id`.
    `parents`: by scale, the train ids of runs without a cell, whose weights or scores others need.
    `gpu_hours`: by scale, assumed hours of all trainings and tests, those of parents included; None for a scale without a
        GPU, and if the size of a data set is unknown.
    `configs`: names of the config classes of its runs.
    """

    caption: str
    module: str
    rows: list[str]
    columns: list[str]
    data: list[str]
    runs: dict[str, list[str]]
    parents: dict[str, list[str]]
    gpu_hours: dict[str, float | None]
    configs: list[str]


class Index(TypedDict):
    """What is known without imports.

    `scales`: by name, what is trained on which data, and of which GPU hours are assumed, if of any.
    `configs`: by class, the fields of configs, each with the classes of those in it.
    """

    scales: dict[str, tuple[str, str | None]]
    papers: dict[str, Contents]
    tables: dict[str, Entry]
    configs: dict[str, dict[str, list[str]]]


class Imported(NamedTuple):
    """Papers and tables of a folder, by name, and the module of each table."""

    papers: "dict[str, Paper]"
    tables: "dict[str, Table]"
    modules: dict[str, str]


@functools.cache
def read_index() -> Index:
    return json.loads(INDEX.read_text(encoding="utf-8"))


def captions() -> dict[str, str]:
    """Captions of all tables by table name, in natural order of the names."""
    found = {name: entry["caption"] for name, entry in read_index()["tables"].items()}
    found |= {name: table.caption for name, table in _outside().tables.items()}
    return {name: found[name] for name in sorted(found, key=natural_order)}


@functools.cache
def imported(*folders: Path) -> Imported:
    """All papers and tables of folders of papers, in the order of their files."""
    found = Imported({}, {}, {})
    for file in (file for folder in folders for file in sorted(folder.glob("*/*.py"))):
        from experiments.spec.paper import Paper  # here: these import PyTorch
        from experiments.spec.table import Table

        paper = file.parent.name
        for value in members(paper, file.stem).values():
            if isinstance(value, Paper):
                found.papers[paper] = value
            elif isinstance(value, Table):
                if value.paper != paper or found.tables.setdefault(value.name, value) is not value:
                    raise ValueError(f"{file}: table '{value.name}'; name each table once, as {paper}/...")
                found.modules.setdefault(value.name, file.stem)
    return found


def _outside() -> Imported:
    """Papers and tables of the folders of $REPRODUCE_PAPERS."""
    return imported(*(folder for folder in paper_folders() if folder != HOME))


def natural_order(name: str) -> list[tuple[int, str]]:
    """Sort key that orders table2 before table10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def names_listed(pattern: str) -> list[str]:
    """Names of the tables that match a paper, a name or a glob pattern. Without a paper, all papers are searched."""
    return _candidates(f"{pattern}/*" if pattern in papers() else pattern)


def _candidates(pattern: str) -> list[str]:
    wanted = pattern if "/" in pattern or pattern == "*" else f"*/{pattern}"
    matches = [name for name in captions() if fnmatch.fnmatchcase(name, wanted)]
    if not matches:
        raise ValueError(_why_unknown(pattern, wanted))
    return matches


def _why_unknown(pattern: str, wanted: str) -> str:
    """Reason why no table matches a pattern, which is `wanted` with a paper, and a remedy."""
    if any(name.startswith(f"{pattern}/") for name in captions()):
        return f"'{pattern}' is a paper: name one of its tables, or all with '{pattern}/*'"
    for paper, contents in contents_of_papers().items():
        for name, caption in contents["without_numbers"].items():
            if fnmatch.fnmatchcase(f"{paper}/{name}", wanted):
                here = f"`reproduce list '{paper}/*'` shows what is here"
                return f"{paper}/{name} ({caption}) contains no numbers to reproduce; {here}"
    parts = [name for name in captions() if re.fullmatch(rf"{re.escape(pattern)}[a-z]", name)]
    if parts:
        return f"'{pattern}' has the parts {', '.join(parts)}; '{pattern}*' names all"
    # A name without a paper is compared with names without their papers.
    words = {name: name if "/" in pattern else name.partition("/")[2] for name in captions()}
    near_words = difflib.get_close_matches(pattern, set(words.values()), n=3, cutoff=0.5)
    near = [name for word in near_words for name in words if words[name] == word][:3]
    hint = f"did you mean {' or '.join(near)}?" if near else "`reproduce list` shows all tables"
    return f"unknown table '{pattern}'; {hint}"


def contents_of_papers() -> dict[str, Contents]:
    """Titles, addresses and drawings of the papers, in alphabetical order."""
    outside = {key: contents_of(paper) for key, paper in _outside().papers.items()}
    return dict(sorted({**read_index()["papers"], **outside}.items()))


def contents_of(paper: "Paper") -> Contents:
    return Contents(title=paper.title, url=paper.url, without_numbers=paper.without_numbers)


def load(name: str) -> "Table":
    from experiments.spec.table import Table  # imports PyTorch

    if (entry := read_index()["tables"].get(name)) is None:
        return _outside().tables[name]
    for value in members(name.partition("/")[0], entry["module"]).values():
        if isinstance(value, Table) and value.name == name:
            return value
    raise ValueError(f"table '{name}' is not in {entry['module']}.py, as the index says; `make index` writes it again")


def papers() -> list[str]:
    return sorted({*contents_of_papers(), *(name.partition("/")[0] for name in captions())})


def released_weights(paper: str) -> "ReleasedWeights | None":
    """Weights that the authors of a paper released; None if the paper's directory has no `released.py`."""
    return members(paper, "released").get("RELEASED")


def find(names: Iterable[str]) -> list[Selection]:
    """Tables and rows selected by names, glob patterns and `table:row`, in the given order, each table once.

    Of several tables that match a pattern with a row, only those with such a row are selected.
    """
    chosen: dict[str, tuple[str, ...] | None] = {}
    for text in names:
        pattern, colon, row = text.partition(":")
        tables = _candidates(pattern)
        if colon and len(tables) > 1:
            tables = [name for name in tables if _rows_matching(load(name), row)] or tables
        if len(tables) > 1 and not re.search(r"[*?[]", pattern):
            raise ValueError(f"several papers have a table '{pattern}'; name one of {', '.join(tables)}")
        for name in tables:
            if not colon:
                chosen[name] = None
            elif (before := chosen.get(name, ())) is not None:
                table = load(name)
                rows = _rows_matching(table, row) or [table.find_row(row).key]
                chosen[name] = tuple(dict.fromkeys((*before, *rows)))
    return [Selection(load(name), rows) for name, rows in chosen.items()]


def _rows_matching(table: "Table", pattern: str) -> list[str]:
    return [row.key for row in table.rows if fnmatch.fnmatchcase(row.key, pattern)]
