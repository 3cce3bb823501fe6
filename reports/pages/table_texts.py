"""Texts of a table that all formats share: names, cells with their signs, labels, headers, legend and warnings."""

from collections.abc import Callable, Sequence

from experiments.spec.number_formats import value_text
from experiments.spec.table import Column, Header, Row, Table, label_text, one_line, printed_style
from reports.pages.report import Report, ReportCell, ReportRow, quoted_numbers

DASH, NOT_APPLICABLE, RUNNING = "–", "n/a", "…"
MODIFIED_SIGN, RELEASED_SIGN, PUBLISHED_SIGN, OTHER_DATA_SIGN = "†", "‡", "§", "‖"

# Signs behind a value, with their meanings and the cells that have them.
SIGNS: tuple[tuple[str, str, Callable[[ReportCell], bool]], ...] = (
    (MODIFIED_SIGN, "not the table's run: {overrides}", lambda cell: cell.modified),
    (RELEASED_SIGN, "released weights, tested here", lambda cell: cell.released),
    (PUBLISHED_SIGN, "published: a result that comes with the project, not run here", lambda cell: cell.published),
    (
        OTHER_DATA_SIGN,
        "measured on other data or under other conditions than the rest",
        lambda cell: cell.other_data and cell.state != "not applicable",
    ),
)


def row_name(table: Table, row: Row) -> str:
    """Name of a row in one line: its texts, then its ticked labels, e.g. `Trajectory (Att_T, Norm_S)`.

    Numbers have their headers, e.g. `Trajectory (A), # Prototypes=16`. The pretraining is left out: it does
    not hold at every scale.
    """
    labels = [(h, label) for h, label in zip(table.label_names, row.labels, strict=True) if h != table.pretraining]
    named = [(header.replace(", ", ","), label) for header, label in labels if isinstance(label, str)]
    texts = ", ".join(
        f"{header}={label}" if any(map(str.isdigit, label)) and not any(map(str.isalpha, label)) else label
        for header, label in named
    )
    ticked = ", ".join(header for header, label in labels if label is True)
    return f"{texts} ({ticked})" if texts and ticked else texts or ticked or row.key


def row_names(table: Table) -> dict[str, str]:
    """Names of all rows, by key. Rows with equal names are distinguished by their keys."""
    names = {row.key: row_name(table, row) for row in table.rows}
    same = list(names.values())
    return {key: name if same.count(name) == 1 else f"{name} [{key}]" for key, name in names.items()}


def cell_name(table: Table, row: Row, column: Column) -> str:
    """Name of a cell in one line: its row and the header of its column, e.g. `Joint · Top-1 / K-400`."""
    return f"{row_names(table)[row.key]} · {one_line(column.header)}"


def ours_text(cell: ReportCell) -> str:
    """Measured value, as `mean ± std (n=3)` for several seeds, or the state; in quoted rows the quoted value.

    A cell without a measured value never shows the printed value, except in rows that the paper itself quotes. There, a
    derived column shows what follows from the printed cells.
    """
    form = cell.form
    if cell.state == "quoted":
        return value_text(cell.printed if cell.value is None else cell.value, form) or DASH
    if cell.value is None:
        return state_text(cell) + signs(cell)
    text = value_text(cell.value, form)
    if cell.std is not None:
        text += f" ± {value_text(cell.std, form)}"
    if cell.num_requested > 1:
        of_requested = f" of {cell.num_requested}" if cell.num_requested > cell.num_seeds else ""
        text += f" (n={cell.num_seeds}{of_requested})"
    return text + signs(cell)


def signs(cell: ReportCell) -> str:
    return "".join(sign for sign, _, applies in SIGNS if applies(cell))


def printed_text(cell: ReportCell) -> str:
    """Printed value beside a measured value or a state; empty in quoted rows whose value is the printed one."""
    text = value_text(cell.printed, cell.form)
    return "" if cell.state == "quoted" and text == ours_text(cell) else text


def cell_text(cell: ReportCell) -> str:
    """Cell without styles: `ours (printed)`."""
    ours, printed = ours_text(cell), printed_text(cell)
    return f"{ours} {in_brackets(printed)}" if printed else ours


def in_brackets(printed: str) -> str:
    """Printed text in brackets; one that is printed in brackets has its own."""
    return printed if printed.startswith("(") and printed.endswith(")") else f"({printed})"


def state_text(cell: ReportCell) -> str:
    match cell.state:
        case "running":
            return RUNNING if cell.progress is None else f"{RUNNING} {100 * cell.progress:.0f} %"
        case "failed" | "interrupted" | "trained" | "too large":
            return cell.state
        case "not applicable":
            return NOT_APPLICABLE
    return DASH


def label_texts(table: Table, row: ReportRow) -> tuple[str, ...]:
    """Labels of a row. Without pretrained weights, a label that names the pretraining reads `none (printed)`."""
    without = row.pretrained is False
    return tuple(
        f"none ({label_text(label)})" if without and header == table.pretraining else label_text(label)
        for header, label in zip(table.labels, row.row.labels, strict=True)
    )


def shown_labels(report: Report) -> list[tuple[str, ...]]:
    """Labels of each row. Leading texts equal to those of the row above are blank; the last label is never blank."""
    shown = []
    above: tuple[str, ...] = ()
    for row in report.rows:
        labels = label_texts(report.table, row)
        texts = list(labels)
        for index in range(len(labels) - 1):
            if not isinstance(row.row.labels[index], str) or labels[: index + 1] != above[: index + 1]:
                break
            texts[index] = ""
        shown.append(tuple(texts))
        above = labels
    return shown


def header_levels(table: Table) -> list[tuple[str, ...]]:
    """Lines of the header, top level first. Headers with fewer levels are aligned at the bottom."""
    headers = [*map(levels, table.labels), *(levels(column.header) for column in table.columns)]
    depth = max(map(len, headers))
    return list(zip(*(("",) * (depth - len(header)) + header for header in headers), strict=True))


def shown_headers(lines: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Lines of the header. A header of several columns appears only over the first of them."""
    columns = list(zip(*lines, strict=True))
    shown = [
        tuple("" if i and column[: k + 1] == columns[i - 1][: k + 1] else column[k] for i, column in enumerate(columns))
        for k in range(len(lines) - 1)
    ]
    return [*shown, lines[-1]]


def levels(header: Header) -> tuple[str, ...]:
    return (header,) if isinstance(header, str) else header


def warning(report: Report) -> str | None:
    """Warning about small models and generated data; None for the paper's models on given data."""
    facts, small = report.facts, not report.scale.comparable
    measured_parts = _measured_parts(report)
    if not (facts.generated or facts.given):
        every = small and measured_parts
        return "Every column is measured on the model at the paper's size." if every else None
    if not (small or facts.generated):
        return None
    *first, last = measured_parts or [""]
    measured = f"{', '.join(first)} and {last} are" if first else f"{last} is"
    exception = f" Only {measured} measured at the paper's size." if last and small else ""
    command = f", which `reproduce show {report.table.name}` prints" if prints_numbers(report) else ""
    origin = f"{'small models' if small else 'models'} on {data_text(facts.unit, facts.generated, facts.given)}"
    text = f"These numbers come from {origin}. They are not comparable with those of the paper{command}.{exception}"
    return " ".join(filter(None, [text, facts.of_small_models]))


def _measured_parts(report: Report) -> list[str]:
    """Columns with values computed or measured at the paper's size at every scale, and rows of such a setting."""
    measured = [cell for cell in report.cells if cell.state == "measured"]
    columns = {cell.column.key for cell in measured if cell.row.metric is None}
    tested = {cell.row.key for cell in report.cells if cell.num_requested}
    rows = dict.fromkeys(cell.row.key for cell in measured if cell.row.metric and cell.row.key not in tested)
    headers = [one_line(column.header) for column in report.table.columns if column.key in columns]
    return headers + [row_names(report.table)[key] for key in rows]


def notice(report: Report) -> str:
    """Sentences above a report: its warning, and that no accuracy has been measured; empty for neither."""
    tested = [cell for cell in report.cells if cell.num_requested]
    untested = "Nothing has been trained or tested here at this scale: a dash stands where a measured number belongs."
    is_shown = tested and all(cell.value is None for cell in tested)
    return " ".join(filter(None, [warning(report), untested if is_shown else ""]))


def data_text(unit: str, generated: tuple[str, ...], given: tuple[str, ...]) -> str:
    """Data of the runs: names of the data sets that are generated, and of those in files that the user names."""
    texts = [f"the {unit} given as {', '.join(given)}"] if given else []
    if generated:
        texts = [f"generated stand-in {unit}" + (f" ({', '.join(generated)})" if given else ""), *texts]
    return " and ".join(texts)


def prints_numbers(report: Report) -> bool:
    """Whether the paper prints any number of this table. Some figures contain no numbers."""
    figure = report.table.figure
    in_figure = figure is not None and figure.prints_numbers
    return in_figure or any(value is not None for row in report.rows for value in row.row.paper)


def shows_printed(report: Report) -> bool:
    return any(cell.printed is not None for cell in report.cells)


def shown_styles(report: Report) -> list[str]:
    styles = (printed_style(c.printed) for c in report.cells if c.state == "quoted" or printed_text(c))
    return sorted({style for style in styles if style is not None})


def legend(report: Report) -> list[tuple[str, str]]:
    cells = report.cells
    dashes = ["not run"] if any(cell.state == "not run" and cell.value is None for cell in cells) else []
    if any(cell.state == "quoted" and cell.printed is None and cell.value is None for cell in cells):
        dashes.append("in quoted rows, not printed" + ("" if report.scale.comparable else " or not comparable"))
    of_dash = ", ".join(dashes)
    if any(label is None for row in report.rows for label in row.row.labels):
        of_labels = "among the labels, as printed: does not apply"
        of_dash = f"{of_dash} ({of_labels})" if of_dash else of_labels
    overrides = ", ".join(report.overrides)
    signs = (
        (DASH, of_dash, bool(of_dash)),
        (NOT_APPLICABLE, "does not apply", any(ours_text(cell).startswith(NOT_APPLICABLE) for cell in cells)),
        (RUNNING, "running", any(cell.state == "running" for cell in cells)),
        *((sign, text.format(overrides=overrides), any(map(applies, cells))) for sign, text, applies in SIGNS),
        ("±", "sample standard deviation over the seeds", any(cell.num_requested > 1 for cell in cells)),
    )
    return [(sign, meaning) for sign, meaning, is_shown in signs if is_shown]


def best_text(report: Report) -> str | None:
    columns = {cell.column.key for cell in report.cells if cell.best}
    if not columns:
        return None
    with_quoted = any(quoted_numbers(report.column(key)) for key in columns)
    parts = ["the best of their column"]
    parts += ["quoted values included"] if with_quoted else []
    parts += ["controls apart"] if any(row.row.metric for row in report.rows) else []
    return ", ".join(parts)
