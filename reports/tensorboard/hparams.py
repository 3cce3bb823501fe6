"""HPARAMS of TensorBoard: columns and values of one or several tables, with their printed values."""

from collections.abc import Sequence

from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]  # generated at import
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo  # type: ignore[attr-defined]
from tensorboard.plugins.hparams.summary_v2 import Discrete, HParam, RealInterval, hparams_config_pb, hparams_pb

from experiments.spec.edits import brief, lacks_part, value_of
from experiments.spec.names import path_of
from experiments.spec.number_formats import value_text
from experiments.spec.table import Column, one_line
from reports.pages.report import Report, ReportRow
from reports.pages.table_texts import label_texts
from reports.variants import shared_overrides

PRINTED, STD = "{} (printed)", "{} (±)"
TABLE, SEEDS, PUBLISHED = "Table", "Seeds", "Published results"
HEADLINE, OURS_OF_HEADLINE, PRINTED_OF_HEADLINE = "Headline", "Headline, ours", "Headline, printed"
COMMON = (TABLE, HEADLINE, OURS_OF_HEADLINE, PRINTED_OF_HEADLINE)  # columns in which every table has values

Values = dict[str, str | float]  # by column
Line = tuple[str, tuple[str, ...], str]  # table, overrides and row


class HParams:
    """Values of the rows of tables in common columns: measures beside their printed values, then the labels.

    TensorBoard sorts columns by name, so names are numbered. It displays the first five: these are the overridden
    fields that differ and the measures of tests, with their standard deviation over several seeds and their printed
    values, because the name of a line contains the labels. Of several tables, they are the name of the table and its
    headline, the first of these measures. It reads the columns of one run, so that every run has all of them.
    """

    def __init__(self, reports: Sequence[Report]) -> None:
        measures = [one_line(column.header) for report in reports for column in measures_of(report)]
        factors = [
            header
            for report in reports
            for header in (*report.table.label_names, *(one_line(column.header) for column in text_columns(report)))
        ]
        self.fields = dict.fromkeys(path_of(text) for report in reports for text in report.overrides)
        alike = [("override", path_of(text)) for text in shared_overrides([report.overrides for report in reports])]
        headers = [("override", field) for field in self.fields if ("override", field) not in alike]
        several = len({report.table.name for report in reports}) > 1
        headers += [("about", header) for header in COMMON] if several else []
        forms = ("{}", STD, PRINTED)
        headers += [("measure", form.format(header)) for header in measures for form in forms]
        headers += [*(("factor", header) for header in factors), *alike, ("about", SEEDS), ("about", PUBLISHED)]
        self.headers = {key: f"{index:03d} {key[1]}" for index, key in enumerate(dict.fromkeys(headers))}
        self.values: dict[Line, Values] = {
            (report.table.name, report.overrides, row.row.key): self._of_row(report, row)
            for report in reports
            for row in report.rows
            if not row.row.quoted
        }

    def columns(self) -> Summary:
        """All columns, of texts or of numbers. One without values is left out."""
        columns = []
        for (_, header), name in self.headers.items():
            found = [values[name] for values in self.values.values() if name in values]
            texts = [value for value in dict.fromkeys(found) if isinstance(value, str)]
            numbers = [float(value) for value in found if not isinstance(value, str)]
            domain = Discrete(texts) if texts else RealInterval(min(numbers), max(numbers)) if numbers else None
            if domain is not None:
                columns.append(HParam(name, domain, display_name=header))
        return hparams_config_pb(hparams=columns, metrics=[], time_created_secs=0)

    def line(self, line: Line, group: str) -> Summary:
        """Values of a row. Runs with the same group are one line."""
        return hparams_pb(self.values[line], trial_id=group, start_time_secs=0)

    def _of_row(self, report: Report, row: ReportRow) -> Values:
        """Values of a row. Columns without a value are left out."""
        values: dict[tuple[str, str], object] = {("about", TABLE): report.table.name}
        labels = zip(report.table.label_names, label_texts(report.table, row), strict=True)
        values |= {("factor", header): text for header, text in labels}
        values |= {("override", field): field_text(field, row, report.overrides) for field in self.fields}
        texts, headline = text_columns(report), next(iter(measures_of(report)), None)
        published = []
        for cell in row.cells:
            header = one_line(cell.column.header)
            if cell.column in texts:
                values["factor", header] = value_text(cell.value, cell.form) or None
                continue
            values["measure", header] = cell.value
            values["measure", PRINTED.format(header)], values["measure", STD.format(header)] = cell.printed, cell.std
            if len(report.seeds) > 1 and cell.seeds:
                seeds = (str(one.run.seed) for one in cell.seeds if one.value is not None)
                values.setdefault(("about", SEEDS), ", ".join(seeds) or None)
            if cell.column is headline:
                values["about", HEADLINE] = header
                values["about", OURS_OF_HEADLINE] = cell.value
                values["about", PRINTED_OF_HEADLINE] = cell.printed
            published += [header] if cell.published else []
        values["about", PUBLISHED] = ", ".join(published) or None
        return {
            self.headers[key]: float(value) if isinstance(value, int | float) else str(value)
            for key, value in values.items()
            if key in self.headers and value is not None and (key[0] != "measure" or not isinstance(value, str))
        }


def field_text(field: str, row: ReportRow, overrides: Sequence[str]) -> str | None:
    """Value of a field of a row's run; of one that is no plain value, the text of its override."""
    runs = [cell.cell.run for cell in row.cells if cell.cell.run is not None]
    run = next((run for run in runs if not lacks_part(field, run)), None)
    if run is None:
        return None
    value = value_of(field, run)
    if value is None or isinstance(value, bool | int | float | str):
        return brief(value)
    given = {path_of(text): text.partition("=")[2].strip() for text in overrides}
    return given.get(field, brief(value))


def end(*, finished: bool) -> Summary:
    """End of a run, or that it is running."""
    status = api_pb2.Status.Value("STATUS_SUCCESS" if finished else "STATUS_RUNNING")  # type: ignore[attr-defined]
    content = HParamsPluginData(session_end_info=SessionEndInfo(status=status, end_time_secs=0))
    plugin = metadata.create_summary_metadata(content)
    return Summary(
        value=[Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=plugin, tensor=metadata.NULL_TENSOR)]
    )


def text_columns(report: Report) -> list[Column]:
    """Columns with a text, or with yes or no, in any row. All their values are labels, not measures."""
    keys = {cell.column.key for cell in report.cells if isinstance(cell.value, str | bool)}
    return [column for column in report.table.columns if column.key in keys]


def measures_of(report: Report) -> list[Column]:
    """Columns of numbers, those of tests first."""
    texts = text_columns(report)
    numeric = [column for column in report.table.columns if column not in texts]
    return sorted(numeric, key=lambda column: not column.metric.needs_test)
