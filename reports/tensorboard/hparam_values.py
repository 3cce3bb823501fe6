"""HPARAMS of TensorBoard: columns and values of one or several tables, with their printed values."""

from collections.abc import Sequence

from experiments.spec.number_formats import value_text
from experiments.spec.table import Column, one_line
from reports.pages.layout import label_texts
from reports.pages.report import Report, ReportRow
from reports.tensorboard.tensorboard_events import HParamColumn

PRINTED = "{} (printed)"
TABLE, PUBLISHED = "Table", "Published results"
HEADLINE, OURS_OF_HEADLINE, PRINTED_OF_HEADLINE = "Headline", "Headline, ours", "Headline, printed"
COMMON = (TABLE, HEADLINE, OURS_OF_HEADLINE, PRINTED_OF_HEADLINE)  # columns in which every table has values


class HParamValues:
    """Values of the rows of tables in common columns: measures beside their printed values, then the labels.

    TensorBoard sorts columns by name, so names are numbered. It displays the first five: these are the measures of
    tests and their printed values, because the name of a line contains the labels. Of several tables, they are the
    name of the table and its headline, the first of these measures.
    """

    def __init__(self, reports: Sequence[Report]) -> None:
        measures = [
            header
            for report in reports
            for column in measures_of(report)
            for header in (one_line(column.header), PRINTED.format(one_line(column.header)))
            if header == one_line(column.header) or is_printed(report, column)
        ]
        factors = [header for report in reports for header in factor_headers(report)]
        headers = [("about", header) for header in COMMON] if len(reports) > 1 else []
        headers += [("measure", header) for header in dict.fromkeys(measures)]
        headers += [("factor", header) for header in dict.fromkeys(factors)]
        headers += [("about", PUBLISHED)]
        self.columns = {key: HParamColumn(f"{index:03d} {key[1]}", key[1]) for index, key in enumerate(headers)}

    def of_row(self, report: Report, row: ReportRow) -> dict[HParamColumn, str | float]:
        """Values of a row. Columns without a value are left out."""
        values: dict[tuple[str, str], str | float] = {("about", TABLE): report.table.name}
        labels = zip(report.table.label_names, label_texts(report.table, row), strict=True)
        values |= {("factor", header): text for header, text in labels}
        of_texts = {column.key for column in text_columns(report)}
        headline = next(iter(measures_of(report)), None)
        published = []
        for cell, column in zip(row.cells, report.table.columns, strict=True):
            header = one_line(column.header)
            if column.key in of_texts:
                if cell.value is not None:
                    values["factor", header] = value_text(cell.value, cell.form or column.form)
                continue
            for key, value in ((header, cell.value), (PRINTED.format(header), cell.printed)):
                if isinstance(value, int | float):
                    values["measure", key] = float(value)
            if column is headline:
                values["about", HEADLINE] = header
                for key, value in ((OURS_OF_HEADLINE, cell.value), (PRINTED_OF_HEADLINE, cell.printed)):
                    if isinstance(value, int | float):
                        values["about", key] = float(value)
            published += [header] if cell.published else []
        if published:
            values["about", PUBLISHED] = ", ".join(published)
        return {self.columns[key]: value for key, value in values.items() if key in self.columns}


def is_printed(report: Report, column: Column) -> bool:
    return any(cell.printed is not None for row in report.rows for cell in row.cells if cell.column == column.key)


def text_columns(report: Report) -> list[Column]:
    """Columns with a text, or with yes or no, in any row. All their values are labels, not measures."""
    keys = {cell.column for row in report.rows for cell in row.cells if isinstance(cell.value, str | bool)}
    return [column for column in report.table.columns if column.key in keys]


def factor_headers(report: Report) -> list[str]:
    return [*report.table.label_names, *(one_line(column.header) for column in text_columns(report))]


def measures_of(report: Report) -> list[Column]:
    """Columns of numbers, those of tests first."""
    texts = {column.key for column in text_columns(report)}
    numeric = [column for column in report.table.columns if column.key not in texts]
    return sorted(numeric, key=lambda column: not column.metric.needs_test)
