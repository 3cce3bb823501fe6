"""The catalog of papers and tables: found by their files, without importing what they are made of.

A paper is a folder of `experiments/`, or of a folder that $REPRODUCE_PAPERS names. A table is a file in it that assigns
`TABLE = Table(name=..., caption=..., ...)`.
"""

import ast
import difflib
import fnmatch
import functools
import importlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import experiments

if TYPE_CHECKING:
    from experiments.spec.released import ReleasedWeights
    from experiments.spec.table import Table

TABLE = re.compile(r"^TABLE = Table\(", re.MULTILINE)
PAPERS = "REPRODUCE_PAPERS"  # names further folders of papers, separated like those of $PATH


class Selection(NamedTuple):
    """A table, and which of its rows were named (None: all)."""

    table: "Table"
    rows: tuple[str, ...] | None


@functools.cache
def captions() -> dict[str, str]:
    """The caption of every table by the table's name, in the order of papers and of numbers in names.

    Raises:
        ValueError: for a folder of $REPRODUCE_PAPERS that does not exist, or a table whose file does not say its name.
    """
    found: dict[str, str] = {}
    for folder in _paper_folders():
        for file in folder.glob("*/*.py"):
            if TABLE.search(source := file.read_text(encoding="utf-8")):
                name = f"{file.parent.name}/{file.stem}"
                found[name] = _caption(ast.parse(source), name, file)
    return dict(sorted(found.items(), key=lambda item: _in_natural_order(item[0])))


def _paper_folders() -> list[Path]:
    """The folders of papers; those outside of `experiments` become importable as a part of it."""
    for folder in filter(None, os.environ.get(PAPERS, "").split(os.pathsep)):
        if not Path(folder).is_dir():
            raise ValueError(f"${PAPERS}: there is no folder {folder}")
        if folder not in experiments.__path__:
            experiments.__path__.append(folder)
    return [Path(folder) for folder in experiments.__path__]


def _caption(module: ast.Module, name: str, file: Path) -> str:
    """The caption in a table's file."""
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="TABLE")], value=ast.Call(keywords=keywords)):
                texts = {k.arg: k.value.value for k in keywords if isinstance(k.value, ast.Constant)}
                if texts.get("name") == name and isinstance(caption := texts.get("caption"), str):
                    return caption
    raise ValueError(f'{file}: its TABLE must have name="{name}" and a caption, both written out')


def _in_natural_order(name: str) -> list[tuple[int, str]]:
    """A key by which table2 comes before table10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def names_matching(pattern: str) -> list[str]:
    """Names of tables for a name or a glob.

    Raises:
        ValueError: naming the nearest tables when none matches.
    """
    matches = [name for name in captions() if fnmatch.fnmatchcase(name, pattern)]
    if matches:
        return matches
    near = difflib.get_close_matches(pattern, captions(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "`reproduce list` shows all tables"
    raise ValueError(f"unknown table '{pattern}'; {hint}")


def load(name: str) -> "Table":
    """The table of that exact name."""
    _paper_folders()
    return importlib.import_module(f"experiments.{name.replace('/', '.')}").TABLE


def paper_readme(paper: str) -> Path | None:
    """The README of a paper's folder, which lists what differs from the paper; None where there is none."""
    return next((file for folder in _paper_folders() if (file := folder / paper / "README.md").exists()), None)


def released_weights(paper: str) -> "ReleasedWeights | None":
    """The weights that the authors of a paper released; None where the paper's folder lists none."""
    if not any((folder / paper / "released.py").exists() for folder in _paper_folders()):
        return None
    return importlib.import_module(f"experiments.{paper}.released").RELEASED


def find(names: list[str]) -> list[Selection]:
    """The tables and rows that names, globs and `table:row` stand for, in the order given, each table once.

    Raises:
        ValueError: for an unknown table or row, naming the nearest.
    """
    chosen: dict[str, list[str] | None] = {}
    for text in names:
        pattern, colon, row = text.partition(":")
        for name in names_matching(pattern):
            if not colon:
                chosen[name] = None
            elif chosen.get(name, []) is not None:
                chosen.setdefault(name, [])
                rows = chosen[name]
                assert rows is not None
                rows.append(row)
    selections = []
    for name, rows in chosen.items():
        table = load(name)
        if rows is None:
            selections.append(Selection(table, None))
            continue
        keys: list[str] = []
        for row in rows:
            matches = [r.key for r in table.rows if fnmatch.fnmatchcase(r.key, row)] or [table.find_row(row).key]
            keys += [key for key in matches if key not in keys]
        selections.append(Selection(table, tuple(keys)))
    return selections
