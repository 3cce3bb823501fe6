"""Writes a report as markdown, JSON, CSV or LaTeX, and keeps the markdown beside the code."""

import json
from pathlib import Path
from typing import Literal, get_args

from tabulate import tabulate

from experiments.scales import Scale
from experiments.store import StoreError, write_atomically
from experiments.table import Column, Difference, Table
from reports import figures
from reports.layout import (
    DASH,
    legend,
    levels,
    ours_text,
    printed_text,
    prints_numbers,
    shown_headers,
    shown_labels,
    warning,
)
from reports.report import Report, ReportCell, ReportRow, settled

Format = Literal["md", "csv", "json", "latex"]
TABLES = Path(__file__).resolve().parent / "tables"
SEEDS_LINE = "- Seeds: "  # the kept report says by this line what it was made of


def render(report: Report, form: Format = "md") -> str:
    """The report as text, ending in a newline.

    Raises:
        ValueError: for an unknown format.
    """
    match form:
        case "md":
            return markdown(report)
        case "json":
            return json.dumps(as_json(report), indent=1, ensure_ascii=False) + "\n"
        case "csv" | "latex":
            from reports import frames  # pandas takes a second to import

            return frames.comma_separated(report) if form == "csv" else frames.latex(report)
    raise ValueError(f"unknown format '{form}'; choose from {', '.join(get_args(Format))}")


def as_json(report: Report) -> dict[str, object]:
    """The report for programs."""
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
                "metric": column.metric if isinstance(column, Column) else "difference",
                "digits": column.digits,
                "best": column.best,
            }
            for column in table.columns
        ],
        "rows": [
            {
                "key": row.row.key,
                "labels": dict(zip(table.labels, row.row.labels, strict=True)),
                "quoted": row.row.quoted,
                "cells": [_json_cell(cell) for cell in row.cells],
            }
            for row in report.rows
        ],
        "facts": {
            "views": dict(facts.views),
            "videos": [{"data": n, "evaluated_failed_missing": c, "cells": list(k)} for n, c, k in facts.videos],
            "hardware": list(facts.hardware),
            "versions": dict(facts.versions),
            "commits": list(facts.commits),
            "changes": dict(facts.changes),
            "deviations": list(facts.deviations),
        },
    }


def _json_cell(cell: ReportCell) -> dict[str, object]:
    first = cell.seeds[0] if cell.seeds else None
    return {
        "column": cell.column,
        "value": cell.value,
        "printed": cell.printed,
        "state": cell.state,
        "std": cell.std,
        "num_seeds": cell.num_seeds,
        "train_id": first.train_id if first else None,
        "eval_id": first.eval_id if first else None,
        "modified": cell.modified,
        "released_weights": cell.released,
        "best": cell.best,
        "progress": cell.progress,
        "runs": [
            {"seed": r.seed, "train_id": r.train_id, "eval_id": r.eval_id, "state": r.state, "value": r.value}
            for r in cell.seeds
        ],
    }


def report_path(table: Table, scale: Scale, root: Path = TABLES) -> Path:
    """Where the report of a table is kept: `<paper>/<table>.<scale>.md`."""
    return root / f"{table.name}.{scale.name}.md"


def write(report: Report, root: Path = TABLES) -> Path:
    """Keep the report, unfinished runs as not run; returns its path.

    Raises:
        ValueError: for a report with overrides or of some rows only, which is not the table's.
        StoreError: when it cannot be written.
    """
    if not report.whole:
        raise ValueError(f"a report of '{report.table.name}' with overrides or of some rows only is printed, not kept")
    path = report_path(report.table, report.scale, root)
    figures.write(report, path)
    write_atomically(path, markdown(settled(report)))
    return path


def stale(report: Report, root: Path = TABLES) -> bool:
    """Whether the kept report or its picture differs from what the results give.

    A missing one does once there is a result.

    Raises:
        StoreError: when the kept report cannot be read.
    """
    path = report_path(report.table, report.scale, root)
    try:
        return path.read_text(encoding="utf-8") != markdown(settled(report)) or figures.stale(report, path)
    except FileNotFoundError:
        return any(result.value is not None for row in report.rows for cell in row.cells for result in cell.seeds)
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot read {path}: {error}; `reproduce report` writes it again") from None


def kept_seeds(table: Table, scale: Scale, root: Path = TABLES) -> tuple[int, ...] | None:
    """The seeds that the kept report was made of; None where there is none or it does not say."""
    try:
        lines = report_path(table, scale, root).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    words = next((line.removeprefix(SEEDS_LINE) for line in lines if line.startswith(SEEDS_LINE)), "")
    seeds = [word.strip() for word in words.split(",")]
    return tuple(map(int, seeds)) if all(seed.isdecimal() for seed in seeds) else None


def markdown(report: Report) -> str:
    """The table in the paper's layout, then the facts a reader needs."""
    table, scale = report.table, report.scale
    notice = warning(report)
    parts = [
        f"# {table.name} at scale `{scale.name}`: {_escape(table.caption)}",
        f"> **Scale `{scale.name}`.** {notice}" if notice else "",
        f"{table.source}. {_reading(report)}",
        _picture(report),
        figures.extremes(report),
        _table(report),
        _legend(report),
        _footer(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _reading(report: Report) -> str:
    """How a cell is to be read."""
    if prints_numbers(report):
        return "A measured cell reads `ours (printed)`."
    return "All numbers are ours; the paper prints none."


def _picture(report: Report) -> str:
    """The kept figure, and the data it is drawn from or how it came about."""
    kept = figures.files(report, report_path(report.table, report.scale)) if report.whole else {}
    if not kept:
        return ""
    data = f"\n\nDrawn from [{kept['data'].name}]({kept['data'].name})." if "data" in kept else ""
    lines = "".join(f"\n- {_escape(line)}" for line in figures.provenance_lines(report))
    return f"![{_escape(report.table.caption)}]({kept['picture'].name}){data}" + (f"\n{lines}" if lines else "")


def _table(report: Report) -> str:
    table = report.table
    top, *lower = shown_headers(table)
    body = [[_marked(_escape(text), "**") for text in line] for line in lower]
    for row, labels in zip(report.rows, shown_labels(report.rows), strict=True):
        texts = [_label(row, index, text) for index, text in enumerate(labels)]
        body.append([*texts, *map(_cell, row.cells, table.columns)])
    headers = [_escape(text) for text in top]
    return tabulate(body, headers, tablefmt="pipe", disable_numparse=True, colalign=_alignment(report))


def _label(row: ReportRow, index: int, text: str) -> str:
    mark = "*" if row.row.quoted else "**" if row.row.bold and index == 0 else ""
    return _marked(_escape(text), mark if isinstance(row.row.labels[index], str) else "")


def _cell(cell: ReportCell, column: Column | Difference) -> str:
    ours, printed = _escape(ours_text(cell, column)), _escape(printed_text(cell, column))
    ours = _marked(ours, "*" if cell.state == "quoted" else "**" if cell.best else "")
    return f"{ours} ({printed})" if printed else ours


def _alignment(report: Report) -> list[str]:
    """Texts to the left, signs centred, numbers to the right."""
    rows, num_labels = report.rows, len(report.table.labels)
    labels = ["left" if any(isinstance(r.row.labels[i], str) for r in rows) else "center" for i in range(num_labels)]
    printed = list(zip(*((cell.printed for cell in row.cells) for row in rows), strict=True))
    return labels + ["left" if any(isinstance(value, str) for value in values) else "right" for values in printed]


def _legend(report: Report) -> str:
    signs = [f"`{sign}` {_escape(meaning)}" for sign, meaning in legend(report)]
    if any(row.row.quoted for row in report.rows):
        signs.append("*italic* rows are quoted by the paper from others, not measured here")
    if any(cell.best for row in report.rows for cell in row.cells):
        signs.append("**bold** values are the best measured of their column")
    return "; ".join(signs) + "." if signs else ""


def _footer(report: Report) -> str:
    facts, scale = report.facts, report.scale
    paper = "The models and data sets of the paper" + (", but for the overrides." if report.overrides else ".")
    lines = [f"- Scale: {scale.name}. {warning(report) or paper}"]
    lines.append(f"{SEEDS_LINE}{', '.join(map(str, report.seeds))}")
    if facts.views:
        views = ", ".join(f"{name} {protocol}" for name, protocol in facts.views)
        lines.append(f"- Test views × crops: {views}")
        videos = ", ".join(
            f"{name} {counts}" + (f" ({', '.join(cells)})" if cells else "") for name, counts, cells in facts.videos
        )
        lines.append(f"- Videos evaluated / failed / missing: {videos or 'none, no run has finished'}")
    if facts.hardware:
        lines.append(f"- Hardware: {'; '.join(facts.hardware)}")
        lines.append(f"- Versions: {', '.join(f'{name} {version}' for name, version in facts.versions)}")
        lines.append(f"- Commit: {', '.join(facts.commits)}")
    lines += [f"- {cost}" for cost in facts.costs]
    if facts.changes:
        lines.append(
            "- Changed in the paper's runs: " + ", ".join(f"`{path}` {change}" for path, change in facts.changes)
        )
    if facts.deviations:
        lines += ["- Deviations from the paper, and notes:", *(f"  - {text}" for text in facts.deviations)]
    options = "".join(f" -o {text}" for text in report.overrides)
    seeds = "" if report.seeds == (0,) else f" --seeds {','.join(map(str, report.seeds))}"
    whole = len(report.rows) == len(report.table.rows)
    names = [report.table.name] if whole else [f"{report.table.name}:{row.row.key}" for row in report.rows]
    lines.append(f"- Made by `reproduce report {' '.join(names)} --scale {scale.name}{seeds}{options}`")
    return "\n".join(lines)


def _marked(text: str, mark: str) -> str:
    return f"{mark}{text}{mark}" if text and text != DASH else text


def _escape(text: str) -> str:
    for character in "\\|*<`":
        text = text.replace(character, f"\\{character}")
    return text
