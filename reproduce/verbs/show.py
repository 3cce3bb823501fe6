"""`reproduce show`: a table as printed in the paper, and the changed config fields of its rows."""

import json
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass

from experiments.spec.catalog import Selection
from experiments.spec.columns import find_columns
from experiments.spec.edits import brief, changed_fields
from experiments.spec.metrics import Measured
from experiments.spec.number_formats import value_text as as_printed
from experiments.spec.run import Parent, RunConfig
from experiments.spec.scales import find_scale
from experiments.spec.scaling import at_scale
from experiments.spec.table import Cell, Row, label_text, one_line, printed_style
from reproduce.next_command import say_next
from reproduce.options import DONE, Show
from reproduce.terminal import table_text, wrapped

DASH = "–"  # as in reports, whose layout is not imported here
MARKS: dict[str | None, str] = {"bold": "*", "underlined": "_"}


def execute(options: Show) -> int:
    selections = find_columns(options.tables, options.columns)
    if options.json:
        print(json.dumps([show_json(selection, options) for selection in selections], indent=1))
    elif options.config:
        print("\n\n".join(filter(None, (config_text(selection, options) for selection in selections))))
    else:
        print("\n\n".join(show_text(selection, options) for selection in selections))
        say_next("plan", options)
    return DONE


def changes_of(cell: Cell) -> dict[str, str]:
    """Config fields of a cell's run that differ from the base run of its column: dotted path -> new value."""
    base = cell.column.base or cell.row.base
    if cell.paper_run is None or base is None:
        return {}
    return {path: value_text(after) for path, (_, after) in changed_fields(base, cell.paper_run).items()}


def added_parents(cell: Cell) -> dict[str, str]:
    """Parents that the scale adds to a cell's run: part of the model -> id of the run that trains it."""
    if cell.paper_run is None or cell.run is None:
        return {}
    names = {parent.name for parent in cell.paper_run.parents}
    return {parent.name: parent.run.train_id for parent in cell.run.parents if parent.name not in names}


def value_text(value: object) -> str:
    """Text of a config value. For a nested config: its class, and the fields that are not at their defaults."""
    if not is_dataclass(value) or isinstance(value, type | Parent):
        return brief(value)
    non_default = ", ".join(
        f"{f.name}={value_text(v)}" for f in fields(value) if (v := getattr(value, f.name)) != default_of(f)
    )
    return f"{brief(value)}({non_default})" if non_default else brief(value)


def default_of(one: Field[object]) -> object:
    return one.default_factory() if one.default_factory is not MISSING else one.default


def rows_of(selection: Selection, options: Show) -> list[tuple[Row, list[Cell]]]:
    (table, rows), scale = selection, find_scale(options.scale)
    cells = table.cells(scale, rows=rows, overrides=options.overrides, seeds=options.all_seeds)
    chosen = (row for row in table.rows if rows is None or row.key in rows)
    return [(row, [cell for cell in cells if cell.row is row]) for row in chosen]


def all_fields(config: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Fields of a config by their dotted paths. A nested config comes before its own fields."""
    assert is_dataclass(config)
    for one in fields(config):
        name, value = f"{path}{one.name}", getattr(config, one.name)
        yield name, value
        if is_dataclass(value) and not isinstance(value, type):
            yield from all_fields(value, f"{name}.")


def config_text(selection: Selection, options: Show) -> str:
    """Every field of the selected runs, a line each: `path=value`, as an override, or `path: class` of its fields."""
    texts = dict[RunConfig, str]()
    for row, cells in rows_of(selection, options):
        for cell in sorted(cells, key=lambda cell: not cell.tested):
            if cell.run is None or cell.run in texts:
                continue
            ids = " ".join(run.train_id for run in cell.runs)
            lines = [f"{selection.table.name}:{row.key}.{cell.column.key}, {options.scale} run {ids}"]
            for path, value in all_fields(cell.run):
                lines.append(f"  {path}{': ' if is_dataclass(value) else '='}{brief(value)}")
            texts[cell.run] = "\n".join(lines)
    return "\n\n".join(texts.values())


def config_json(run: RunConfig) -> dict[str, object]:
    """Every field of a run by its path: numbers and truth values as such, anything else as text."""
    plain = (int, float, type(None))
    return {path: value if isinstance(value, plain) else brief(value) for path, value in all_fields(run)}


def show_json(selection: Selection, options: Show) -> dict[str, object]:
    """Table with printed values, changed fields and ids of runs, and on request every field of the runs."""
    table, of_rows = at_scale(selection.table, find_scale(options.scale)), rows_of(selection, options)
    return {
        "table": table.name,
        "caption": table.caption,
        "source": table.source,
        "scale": options.scale,
        "columns": [{"key": c.key, "header": c.header} for c in table.columns],
        "rows": [
            {
                "key": row.key,
                "labels": dict(zip(map(one_line, table.labels), row.labels, strict=True)),
                "quoted": row.quoted,
                "cells": [
                    {
                        "column": cell.column.key,
                        "printed": cell.printed,
                        "printed_style": printed_style(cell.printed),
                        "changes": changes_of(cell),
                        "added_parents": added_parents(cell),
                        "runs": [{"train_id": r.train_id, "eval_id": r.eval_id} for r in cell.runs if cell.tested],
                        **({"config": config_json(cell.run)} if options.config and cell.run is not None else {}),
                    }
                    for cell in cells
                ],
            }
            for row, cells in of_rows
        ],
        "notes": list(table.notes),
    }


def printed_text(cell: Cell) -> str:
    """Printed value with the digits of its column, as in reports, and marks around one that is not printed plainly."""
    mark = MARKS.get(printed_style(cell.printed), "")
    return DASH if cell.printed is None else mark + as_printed(cell.printed, cell.form) + mark


def show_text(selection: Selection, options: Show) -> str:
    table, of_rows = at_scale(selection.table, find_scale(options.scale)), rows_of(selection, options)
    headers = [*map(one_line, table.labels), *(one_line(c.header) for c in selection.table.columns)]
    lines = [[*map(label_text, row.labels), *map(printed_text, of_row)] for row, of_row in of_rows]
    printed = zip(*((cell.printed for cell in of_row) for _, of_row in of_rows), strict=True)
    texts = [any(isinstance(value, str) for value in column) for column in printed]
    numbers = [len(table.labels) + index for index, is_text in enumerate(texts) if not is_text]
    styles = {printed_style(cell.printed) for _, of_row in of_rows for cell in of_row}
    shown = "".join(f", {style} ones in {mark}" for style, mark in MARKS.items() if style in styles)
    source = f"{table.source}; values as printed{shown}, none of them measured here"
    text = [wrapped(f"{table.name}: {table.caption}"), wrapped(source), ""]
    text += [table_text(headers, lines, numbers=numbers, num_labels=len(table.labels)), ""]
    for row, of_row in of_rows:
        if row.quoted:
            text.append(f"{row.key}: quoted from another paper; not run")
        elif runs := runs_text(of_row, options.scale):
            text += [f"{row.key}:", *(wrapped(line, indent=4) for line in runs)]
    text += [wrapped(f"note: {note}") for note in table.notes]
    return "\n".join(text)


def runs_text(of_row: list[Cell], scale: str) -> list[str]:
    """Lines on the runs of a row: the columns that show each, its ids, and its changed config fields."""
    measured = [cell for cell in of_row if isinstance(cell.metric, Measured) and cell.paper_run is not None]
    described = [cell for cell in of_row if cell.tested] or measured[:1]
    columns: dict[str, list[str]] = {}
    for cell in described:
        edits = ", ".join(f"{path}={value}" for path, value in changes_of(cell).items())
        runs = f"{scale} run {' '.join(r.train_id for r in cell.runs)}" if cell.tested else "measured"
        added = ", ".join(f"{name} {run}" for name, run in added_parents(cell).items())
        runs += f" from {added}" if cell.tested and added else ""
        columns.setdefault(f"{runs}  {edits or 'the default'}", []).append(cell.column.key)
    return [f"  {', '.join(keys):<11}  {facts}" for facts, keys in columns.items()]
