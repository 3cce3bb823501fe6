"""Catalog of papers and tables. Names and captions are parsed from source files, which are not imported.

A paper is a subdirectory of `experiments/`, or of a directory listed in $REPRODUCE_PAPERS. A table is a file in the
directory of a paper that assigns `TABLE = Table(name=..., caption=..., ...)`. The table `a-b` is in the file `a_b.py`.
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

TABLE = re.compile(r"^TABLE\b[^=\n]*= *Table\(", re.MULTILINE)
PAPERS = "REPRODUCE_PAPERS"  # environment variable: further directories of papers, separated as in $PATH


class Selection(NamedTuple):
    """A table, and the keys of its selected rows; None for all rows."""

    table: "Table"
    rows: tuple[str, ...] | None


@functools.cache
def captions() -> dict[str, str]:
    """Captions of all tables by table name, in natural order of the names.

    Raises:
        ValueError: for a missing directory of $REPRODUCE_PAPERS, or a table without a literal name and caption.
    """
    captions_by_name: dict[str, str] = {}
    for folder in _paper_folders():
        for file in folder.glob("*/*.py"):
            if TABLE.search(source := file.read_text(encoding="utf-8")):
                name = f"{file.parent.name}/{file.stem.replace('_', '-')}"
                captions_by_name[name] = _caption(_parse(source, file), name, file)
    return dict(sorted(captions_by_name.items(), key=lambda item: natural_order(item[0])))


def _paper_folders() -> list[Path]:
    """Parent directories of papers. Those outside of `experiments` are added to its import path."""
    for folder in filter(None, os.environ.get(PAPERS, "").split(os.pathsep)):
        if not Path(folder).is_dir():
            raise ValueError(f"${PAPERS}: there is no folder {folder}")
        if folder not in experiments.__path__:
            experiments.__path__.append(folder)
    return [Path(folder) for folder in experiments.__path__]


def _parse(source: str, file: Path) -> ast.Module:
    """Syntax tree of a file."""
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise ValueError(f"{file}, line {error.lineno}: {error.msg}") from None


def _caption(module: ast.Module, name: str, file: Path) -> str:
    """Caption of a table, from the syntax tree of its file."""
    for node in module.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="TABLE")], value=ast.Call(keywords=keywords))
                | ast.AnnAssign(target=ast.Name(id="TABLE"), value=ast.Call(keywords=keywords))
            ):
                texts = {k.arg: k.value.value for k in keywords if isinstance(k.value, ast.Constant)}
                if texts.get("name") == name and isinstance(caption := texts.get("caption"), str):
                    return caption
    raise ValueError(f'{file}: TABLE needs name="{name}" and a caption, both as string literals')


def natural_order(name: str) -> list[tuple[int, str]]:
    """Sort key that orders table2 before table10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def names_matching(pattern: str) -> list[str]:
    """Names of the tables that match a name or a glob pattern.

    Raises:
        ValueError: if no table matches, with the nearest names.
    """
    matches = [name for name in captions() if fnmatch.fnmatchcase(name, pattern)]
    if matches:
        return matches
    near = difflib.get_close_matches(pattern, captions(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "`reproduce list` shows all tables"
    raise ValueError(f"unknown table '{pattern}'; {hint}")


def load(name: str) -> "Table":
    """Table with this exact name.

    Raises:
        ValueError: if its file cannot be imported.
    """
    _paper_folders()
    try:
        return importlib.import_module(f"experiments.{name.replace('/', '.').replace('-', '_')}").TABLE
    except Exception as error:
        raise ValueError(f"table '{name}' cannot be imported: {type(error).__name__}: {error}") from error


def papers() -> list[str]:
    """Keys of all papers: directories with a table or a `contents.py`."""
    listed = {file.parent.name for folder in _paper_folders() for file in folder.glob("*/contents.py")}
    return sorted(listed | {name.partition("/")[0] for name in captions()})


def paper_file(paper: str, name: str) -> Path | None:
    """File in the directory of a paper; None if there is no such file."""
    return next((file for folder in _paper_folders() if (file := folder / paper / name).exists()), None)


def paper_readme(paper: str) -> Path | None:
    """README of a paper, which lists the differences from the paper; None if there is no README."""
    return paper_file(paper, "README.md")


def released_weights(paper: str) -> "ReleasedWeights | None":
    """Weights that the authors of a paper released; None if the paper's directory has no `released.py`."""
    if paper_file(paper, "released.py") is None:
        return None
    return importlib.import_module(f"experiments.{paper}.released").RELEASED


def find(names: list[str]) -> list[Selection]:
    """Tables and rows selected by names, glob patterns and `table:row`, in the given order, each table once.

    Of several tables that match a pattern with a row, only those with such a row are selected.

    Raises:
        ValueError: for an unknown table or row, with the nearest names.
    """
    chosen: dict[str, list[str] | None] = {}
    for text in names:
        pattern, colon, row = text.partition(":")
        tables = names_matching(pattern)
        if colon and len(tables) > 1:
            tables = [
                name for name in tables if any(fnmatch.fnmatchcase(r.key, row) for r in load(name).rows)
            ] or tables
        for name in tables:
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
