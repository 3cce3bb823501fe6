"""Tidy frame of a report: a line for each cell and seed, from which CSV and JSON are made."""

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence

from experiments.spec.number_formats import without_noise
from experiments.spec.table import one_line, printed_style
from reports.pages.origins import origins_of
from reports.pages.report import Report, ReportCell, ReportRow, SeedResult
from reports.pages.table_texts import label_texts


def frame(report: Report) -> list[dict[str, object]]:
    """Lines of cells: row, labels, column, the value of the cell and facts about it, and those of each of its seeds.

    `value`, `std` and `num_seeds` are those of the cell; `value_of_seed` and what follows those of a seed.
    """
    return [
        {
            "table": report.table.name,
            "scale": report.scale.name,
            **_of_row(report, row),
            "column": cell.column.key,
            "header": one_line(cell.column.header),
            "metric": cell.metric.name,
            **_of_cell(cell),
            **_of_seed(cell, seed),
        }
        for row in report.rows
        for cell in row.cells
        for seed in cell.seeds or [None]
    ]


def _of_row(report: Report, row: ReportRow) -> dict[str, object]:
    """Key and labels of a row. Ticks are True and False."""
    labels = zip(report.table.labels, row.row.labels, label_texts(report.table, row), strict=True)
    texts = {one_line(header): text if isinstance(label, str) else label for header, label, text in labels}
    return {"row": row.row.key, **texts, "quoted": row.row.quoted}


def _of_cell(cell: ReportCell) -> dict[str, object]:
    """Value of a cell and facts about it. Numbers have 12 digits."""
    return {
        "state": cell.state,
        "value": _number(cell.value),
        "std": _number(cell.std),
        "num_seeds": cell.num_seeds,
        "printed": cell.printed,
        "printed_style": printed_style(cell.printed),
        "best": cell.best,
        "modified": cell.modified,
        "released": cell.released,
        "published": cell.published,
        "other_data": cell.other_data,
        "progress": cell.progress,
    }


def _of_seed(cell: ReportCell, seed: SeedResult | None) -> dict[str, object]:
    """Result of a seed, or the measurement of a cell without seeds, with the path of its file from here."""
    source = cell.measurement if seed is None else seed.test
    train_id = seed.run.train_id if seed is not None else source and source.directory.train_id
    return {
        "seed": seed and seed.run.seed,
        "value_of_seed": seed and _number(seed.value),
        "state_of_seed": seed and seed.state,
        "train_id": train_id,
        "eval_id": seed and seed.run.eval_id,
        "result": source and os.path.relpath(source.file),
        "commit": source and source.commit,
    }


def _number(value: object) -> object:
    return without_noise(value) if isinstance(value, float) else value


def frame_as_csv(lines: Sequence[dict[str, object]]) -> str:
    """Lines of a frame, and of that of variants, as CSV."""
    return csv_text(list(lines[0]), (line.values() for line in lines))


def csv_text(names: Sequence[str], lines: Iterable[Iterable[object]]) -> str:
    """A line of names and then the lines of values. None is empty, floats have as many digits as they need."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(lines)
    return text.getvalue()


def frame_as_json(report: Report) -> dict[str, object]:
    """The lines of the frame as JSON values, with the facts of the report and the origins of its numbers."""
    return {
        "table": report.table.name,
        "caption": report.table.caption,
        "source": report.table.source,
        "scale": report.scale.name,
        "comparable_with_printed": report.scale.comparable,
        "seeds": list(report.seeds),
        "overrides": list(report.overrides),
        "cells": frame(report),
        "origins": list(_origins(report)),
        "generated": list(report.facts.generated),
        "given": list(report.facts.given),
        "changes": dict(report.facts.changes),
        "notes": list(report.facts.notes),
    }


def _origins(report: Report) -> Iterator[dict[str, object]]:
    for origin in origins_of(report):
        files = {"result": os.path.relpath(origin.source.file), "train_id": origin.train_id}
        yield {"row": origin.row, "columns": origin.columns, **files, "commit": origin.source.commit, **origin.facts}
