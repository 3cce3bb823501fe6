"""Rendering of reports as markdown, JSON, CSV or LaTeX, and reports saved as markdown.

Committed reports are in reports/tables. They show the committed results alone.
"""

import json
import os
from pathlib import Path
from typing import Literal, get_args

from experiments.spec.metrics import Derived
from experiments.spec.scales import Scale
from experiments.spec.table import Table, one_line, printed_style
from reports.claims import claim_text
from reports.figures import figures, row_plots
from reports.pages.layout import levels
from reports.pages.markdown import markdown, report_path
from reports.pages.markdown_footer import SEEDS_LINE
from reports.pages.report import Report, ReportCell
from reports.pages.sources import Source
from runner.machine.files import StoreError, write_atomically

Format = Literal["md", "csv", "json", "latex"]


def render(report: Report, form: Format = "md", path: Path | None = None) -> str:
    """Report as text, ending in a newline. Links and paths start from the current directory.

    Args:
        path: file of the report, for links to its picture; by default the committed one.

    Raises:
        ValueError: for an unknown format.
    """
    match form:
        case "md":
            return markdown(report, path, Path.cwd())
        case "json":
            return json.dumps(as_json(report), indent=1, ensure_ascii=False) + "\n"
        case "csv":
            from reports.pages.dataframe import comma_separated  # pandas takes a second to import

            return comma_separated(report)
        case "latex":
            from reports.pages.latex import latex

            return latex(report)
    raise ValueError(f"unknown format '{form}'; choose from {', '.join(get_args(Format))}")


def as_json(report: Report) -> dict[str, object]:
    """Report as JSON values."""
    table, facts = report.table, report.facts
    return {
        "table": table.name,
        "caption": table.caption,
        "source": table.source,
        "scale": report.scale.name,
        "comparable_with_printed": not report.scale.small,
        "seeds": list(report.seeds),
        "overrides": list(report.overrides),
        "columns": [
            {
                "key": column.key,
                "header": list(levels(column.header)),
                "metric": column.metric.name,
                "digits": column.digits,
                "best": column.best,
                "derived_from": list(column.metric.columns) if isinstance(column.metric, Derived) else None,
            }
            for column in table.columns
        ],
        "rows": [
            {
                "key": row.row.key,
                "labels": dict(zip(map(one_line, table.labels), row.row.labels, strict=True)),
                "quoted": row.row.quoted,
                "metric": None if row.row.metric is None else row.row.metric.name,
                "pretrained": row.pretrained,
                "cells": [_json_cell(cell) for cell in row.cells],
            }
            for row in report.rows
        ],
        "facts": {
            "views": [{"data": n, "views_and_crops": v, "shown_in": list(k)} for n, v, k in facts.views],
            "generated": list(facts.generated),
            "given": list(facts.given),
            "videos": [{"data": n, "evaluated_failed_missing": c, "cells": list(k)} for n, c, k in facts.items],
            "replaced_in_training": [{"data": n, "items": c, "cells": list(k)} for n, c, k in facts.replaced],
            "training_batches": [{"data": n, "split": b, "cells": list(k)} for n, b, k in facts.batches],
            "official_sizes": dict(facts.official_sizes),
            "data": list(facts.data),
            "hardware": list(facts.hardware),
            "versions": dict(facts.versions),
            "commits": list(facts.commits),
            "conditions": list(facts.conditions),
            "costs": list(facts.costs),
            "changes": dict(facts.changes),
            "deviations": list(facts.deviations),
        },
        "claims": claim_text.as_json(report.claims),
    }


def _json_cell(cell: ReportCell) -> dict[str, object]:
    first = cell.seeds[0] if cell.seeds else None
    return {
        "column": cell.column,
        "value": cell.value,
        "printed": cell.printed,
        "printed_style": printed_style(cell.printed),
        "state": cell.state,
        "std": cell.std,
        "num_seeds": cell.num_seeds,
        "train_id": first.train_id if first else None,
        "eval_id": first.eval_id if first else None,
        "modified": cell.modified,
        "released_weights": cell.released,
        "published": cell.published,
        "other_data": cell.other_data,
        "best": cell.best,
        "progress": cell.progress,
        "measurement": _json_source(cell.source),
        "runs": [
            {
                "seed": r.seed,
                "train_id": r.train_id,
                "eval_id": r.eval_id,
                "state": r.state,
                "value": r.value,
                "source": _json_source(r.source),
            }
            for r in cell.seeds
        ],
    }


def _json_source(source: Source | None) -> dict[str, object] | None:
    """Origin of a value, with paths from the current directory."""
    if source is None:
        return None
    return {
        "result": os.path.relpath(source.file),
        "config": os.path.relpath(source.config) if source.config.exists() else None,
        "train_id": source.train_id,
        "commit": source.commit,
        "published": source.published,
    }


def write(report: Report, root: Path | None = None, *, with_plot: bool = False) -> Path:
    """Save the report with its picture and its data. Returns its path.

    Pictures that are up to date are not drawn again. Committed ones are: the times of files in a git checkout say
    nothing.

    Args:
        root: directory of reports; by default that of the committed ones.
        with_plot: whether a table without a figure gets a plot of its rows. A plot that exists is always updated.

    Raises:
        ValueError: for a report with overrides or of some rows only.
        StoreError: if it cannot be written.
    """
    if not report.whole:
        raise ValueError(f"a report of '{report.table.name}' with overrides or of some rows only is printed, not saved")
    path = report_path(report.table, report.scale, root)
    is_committed = root is None
    if is_committed or not figures.is_current(report, path):
        figures.write(report, path)
    plot = row_plots.plot_path(report.table, report.scale, root)
    is_wanted = plot is not None and (with_plot or plot.exists())
    if plot is not None and is_wanted and (is_committed or not row_plots.is_current(report, plot)):
        row_plots.save_plot(report, plot)
    write_atomically(path, markdown(report, path))
    return path


def stale(report: Report, root: Path | None = None) -> bool:
    """Whether the saved report, its picture or its plot differs from the report of the current results.

    A missing report is stale if there is a result.

    Raises:
        StoreError: if the saved report cannot be read.
    """
    path = report_path(report.table, report.scale, root)
    try:
        if path.read_text(encoding="utf-8") != markdown(report, path) or figures.stale(report, path):
            return True
        return row_plots.is_stale(report, path.with_suffix(".png"))
    except FileNotFoundError:
        return any(result.value is not None for row in report.rows for cell in row.cells for result in cell.seeds)
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot read {path}: {error}; `reproduce report --publish` writes it again") from None


def saved_seeds(table: Table, scale: Scale, root: Path | None = None) -> tuple[int, ...] | None:
    """Seeds of the saved report; None if there is no report or no line with seeds."""
    try:
        lines = report_path(table, scale, root).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    words = next((line.removeprefix(SEEDS_LINE) for line in lines if line.startswith(SEEDS_LINE)), "")
    seeds = [word.strip() for word in words.split(",")]
    return tuple(map(int, seeds)) if all(seed.isdecimal() for seed in seeds) else None
