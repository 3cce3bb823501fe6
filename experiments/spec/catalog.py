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
    from experiments.spec.paper_contents import Contents
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
    for folder in paper_folders():
        for file in folder.glob("*/*.py"):
            if TABLE.search(source := file.read_text(encoding="utf-8")):
                name = f"{file.parent.name}/{file.stem.replace('_', '-')}"
                captions_by_name[name] = _caption(_parse(source, file), name, file)
    return dict(sorted(captions_by_name.items(), key=lambda item: natural_order(item[0])))


def paper_folders() -> list[Path]:
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
    """Names of the tables that match a name or a glob pattern. Without a paper, all papers are searched.

    Raises:
        ValueError: if no table matches, or several match a name without a paper, with the nearest names.
    """
    return _one_unless_glob(pattern, _candidates(pattern))


def names_listed(pattern: str) -> list[str]:
    """Names of the tables that match a name, a glob pattern or a paper.

    Raises:
        ValueError: as `names_matching`.
    """
    names = sorted(captions(), key=natural_order)
    papers = {name.partition("/")[0] for name in names}
    wanted = pattern if "/" in pattern or pattern == "*" else f"{pattern}/*" if pattern in papers else f"*/{pattern}"
    return [name for name in names if fnmatch.fnmatchcase(name, wanted)] or names_matching(pattern)


def _candidates(pattern: str) -> list[str]:
    """Names of the tables of any paper that match a name or a glob pattern.

    Raises:
        ValueError: if no table matches, with the nearest names.
    """
    wanted = pattern if "/" in pattern or pattern == "*" else f"*/{pattern}"
    matches = [name for name in captions() if fnmatch.fnmatchcase(name, wanted)]
    if not matches:
        raise ValueError(_why_unknown(pattern, wanted))
    return matches


def _one_unless_glob(pattern: str, names: list[str]) -> list[str]:
    """The same names.

    Raises:
        ValueError: if there are several for a pattern that is no glob.
    """
    if len(names) > 1 and not re.search(r"[*?[]", pattern):
        raise ValueError(f"several papers have a table '{pattern}'; name one of {', '.join(names)}")
    return names


def _why_unknown(pattern: str, wanted: str) -> str:
    """Reason why no table matches, and a remedy.

    Args:
        pattern: as given.
        wanted: the same with a paper.
    """
    if any(name.startswith(f"{pattern}/") for name in captions()):
        return f"'{pattern}' is a paper: name one of its tables, or all with '{pattern}/*'"
    drawings = without_numbers()
    if name := next((name for name in drawings if fnmatch.fnmatchcase(name, wanted)), None):
        paper = name.partition("/")[0]
        return f"{name} ({drawings[name]}) contains no numbers to reproduce; `reproduce list '{paper}/*'` shows what is here"
    parts = [name for name in captions() if re.fullmatch(rf"{re.escape(pattern)}[a-z]", name)]
    if parts:
        return f"'{pattern}' has the parts {', '.join(parts)}; '{pattern}*' names all"
    # A name without a paper is compared with names without their papers.
    words = {name: name if "/" in pattern else name.partition("/")[2] for name in captions()}
    near_words = difflib.get_close_matches(pattern, set(words.values()), n=3, cutoff=0.5)
    near = [name for word in near_words for name in words if words[name] == word][:3]
    hint = f"did you mean {' or '.join(near)}?" if near else "`reproduce list` shows all tables"
    return f"unknown table '{pattern}'; {hint}"


@functools.cache
def contents_of_papers() -> "dict[str, Contents]":
    """Tables and figures of the papers whose directory has a `contents.py`, in alphabetical order."""
    names = sorted(file.parent.name for folder in paper_folders() for file in folder.glob("*/contents.py"))
    return {name: importlib.import_module(f"experiments.{name}.contents").CONTENTS for name in names}


def without_numbers() -> dict[str, str]:
    """Captions of the figures of the papers that contain nothing to reproduce, by name."""
    found = contents_of_papers().items()
    return {f"{paper}/{name}": c for paper, all_ in found for name, c in all_.without_numbers.items()}


def load(name: str) -> "Table":
    """Table with this exact name.

    Raises:
        ValueError: if its file cannot be imported.
    """
    paper_folders()
    try:
        return importlib.import_module(f"experiments.{name.replace('/', '.').replace('-', '_')}").TABLE
    except Exception as error:
        raise ValueError(f"table '{name}' cannot be imported: {type(error).__name__}: {error}") from error


def papers() -> list[str]:
    """Keys of all papers: directories with a table or a `contents.py`."""
    return sorted({*contents_of_papers(), *(name.partition("/")[0] for name in captions())})


def paper_file(paper: str, name: str) -> Path | None:
    """File in the directory of a paper; None if there is no such file."""
    return next((file for folder in paper_folders() if (file := folder / paper / name).exists()), None)


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
        ValueError: for an unknown table or row, with the nearest names, and for a name of tables of several papers.
    """
    chosen: dict[str, list[str] | None] = {}
    for text in names:
        pattern, colon, row = text.partition(":")
        tables = _candidates(pattern)
        if colon and len(tables) > 1:
            tables = [
                name for name in tables if any(fnmatch.fnmatchcase(r.key, row) for r in load(name).rows)
            ] or tables
        _one_unless_glob(pattern, tables)
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
