"""Layout shared by all formats: texts of cells, labels and headers."""

from experiments.spec.table import Column, Label, Row, Table, Value, label_text, one_line
from reports.report import Report, ReportCell, ReportRow

DASH, RUNNING, MODIFIED_SIGN, RELEASED_SIGN, OTHER_DATA_SIGN = "–", "…", "†", "‡", "§"


def ours_text(cell: ReportCell, column: Column) -> str:
    """Measured value, as `mean ± std (n=3)` for several seeds, or the state; in quoted rows the quoted value.

    A cell without a measured value never shows the printed value, except in rows that the paper itself quotes.
    `std` is the sample standard deviation (n - 1) over the seeds.
    """
    if cell.state == "quoted":
        return value_text(cell.printed, column) or DASH
    signs = {MODIFIED_SIGN: cell.modified, RELEASED_SIGN: cell.released, OTHER_DATA_SIGN: cell.other_data}
    mark = "".join(sign for sign, holds in signs.items() if holds)
    if cell.value is None:
        return state_text(cell) + mark
    text = value_text(cell.value, column)
    if cell.std is not None:
        text += f" ± {value_text(cell.std, column)}"
    if cell.num_requested > 1:
        of_requested = f" of {cell.num_requested}" if cell.num_requested > cell.num_seeds else ""
        text += f" (n={cell.num_seeds}{of_requested})"
    return text + mark


def printed_text(cell: ReportCell, column: Column) -> str:
    """Printed value beside a measured value; empty for cells without a measured value and in quoted rows."""
    return "" if cell.state == "quoted" or cell.value is None else value_text(cell.printed, column)


def state_text(cell: ReportCell) -> str:
    """Text of the state of a cell without a value."""
    match cell.state:
        case "running":
            return RUNNING if cell.progress is None else f"{RUNNING} {100 * cell.progress:.0f} %"
        case "failed" | "interrupted":
            return cell.state
    return DASH


def value_text(value: Value, column: Column) -> str:
    """Number with the digits of its column, or two significant digits if it would round to 0. Text is unchanged."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:.2g}" if 0 < abs(value) < 0.5 * 10**-column.digits else f"{value:.{column.digits}f}"


def shown_labels(rows: tuple[ReportRow, ...]) -> list[tuple[str, ...]]:
    """Labels of each row. Leading texts equal to those of the row above are blank; the last label is never blank."""
    shown = []
    above: tuple[Label, ...] = ()
    for row in rows:
        labels = row.row.labels
        texts = [label_text(label) for label in labels]
        for index in range(len(labels) - 1):
            if not isinstance(labels[index], str) or labels[: index + 1] != above[: index + 1]:
                break
            texts[index] = ""
        shown.append(tuple(texts))
        above = labels
    return shown


def header_levels(table: Table) -> list[tuple[str, ...]]:
    """Lines of the header, top level first. Headers with fewer levels are aligned at the bottom."""
    headers = [*((label,) for label in table.labels), *(levels(column.header) for column in table.columns)]
    depth = max(map(len, headers))
    return list(zip(*(("",) * (depth - len(header)) + header for header in headers), strict=True))


def shown_headers(table: Table) -> list[tuple[str, ...]]:
    """Lines of the header. A header of several columns appears only over the first of them."""
    lines = header_levels(table)
    columns = list(zip(*lines, strict=True))
    shown = [
        tuple("" if i and column[: k + 1] == columns[i - 1][: k + 1] else column[k] for i, column in enumerate(columns))
        for k in range(len(lines) - 1)
    ]
    return [*shown, lines[-1]]


def levels(header: str | tuple[str, ...]) -> tuple[str, ...]:
    """Levels of a header."""
    return (header,) if isinstance(header, str) else header


def row_name(table: Table, row: Row) -> str:
    """Name of a row in one line: its texts, then its ticked labels, e.g. `Trajectory (Att_T, Norm_S)`."""
    texts = ", ".join(label for label in row.labels if isinstance(label, str))
    ticked = ", ".join(header for header, label in zip(table.labels, row.labels, strict=True) if label is True)
    return f"{texts} ({ticked})" if texts and ticked else texts or ticked or row.key


def warning(report: Report) -> str | None:
    """Warning about small models and generated data; None at the paper's scale."""
    if not report.scale.small:
        return None
    measured = ", ".join(map(one_line, report.measured_headers))
    exception = f" Only {measured} is measured at the paper's size." if measured else ""
    if measured and len(report.measured_headers) == len(report.table.columns):
        return "Every column is measured on the model at the paper's size."
    printed = "the printed ones in parentheses" if prints_numbers(report) else "those of the paper"
    return (
        f"These numbers come from small models on generated stand-in {report.facts.unit}. "
        f"They are not comparable with {printed}.{exception}"
    )


def prints_numbers(report: Report) -> bool:
    """Whether the paper prints any number of this table. Some figures contain no numbers."""
    return any(cell.printed is not None for row in report.rows for cell in row.cells)


def legend(report: Report) -> list[tuple[str, str]]:
    """Signs in the table, and their meanings."""
    cells = [cell for row in report.rows for cell in row.cells]
    signs = []
    if any(cell.state == "not run" and cell.value is None for cell in cells):
        signs.append((DASH, "not run"))
    if any(cell.state == "running" for cell in cells):
        signs.append((RUNNING, "running"))
    if any(cell.released for cell in cells):
        signs.append((RELEASED_SIGN, "released weights, tested here"))
    if any(cell.modified for cell in cells):
        signs.append((MODIFIED_SIGN, f"not the table's run: {', '.join(report.overrides)}"))
    if any(cell.other_data for cell in cells):
        signs.append((OTHER_DATA_SIGN, "measured on other data than the rest of the table, see the notes"))
    if any(cell.num_requested > 1 for cell in cells):
        signs.append(("±", "sample standard deviation over the seeds"))
    return signs
