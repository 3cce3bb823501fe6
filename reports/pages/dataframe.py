"""Report as a pandas data frame and as CSV."""

import pandas as pd

from experiments.spec.number_formats import without_noise
from experiments.spec.table import one_line, printed_style
from reports.pages.layout import label_texts
from reports.pages.report import Report


def data_frame(report: Report) -> pd.DataFrame:
    """One line per row: key, labels, and for each column the measured value, facts about it, and the printed value."""
    table = report.table
    lines = []
    for row in report.rows:
        line: dict[str, object] = {"row": row.row.key}
        for header, label, text in zip(table.labels, row.row.labels, label_texts(table, row), strict=True):
            line[one_line(header)] = text if isinstance(label, str) else label
        for cell in row.cells:
            line[cell.column] = without_noise(cell.value) if isinstance(cell.value, float) else cell.value
            line[f"{cell.column}:std"] = None if cell.std is None else without_noise(cell.std)
            line[f"{cell.column}:num_seeds"] = cell.num_seeds
            line[f"{cell.column}:state"] = cell.state
            line[f"{cell.column}:released"] = cell.released
            line[f"{cell.column}:published"] = cell.published
            line[f"{cell.column}:other_data"] = cell.other_data
            line[f"{cell.column}:printed"] = cell.printed
            line[f"{cell.column}:printed_style"] = printed_style(cell.printed)
        lines.append(line)
    data = pd.DataFrame(lines, dtype=object)
    data.insert(0, "scale", report.scale.name)
    data.insert(0, "table", table.name)
    return data


def comma_separated(report: Report) -> str:
    """Data frame as CSV. Values have 12 digits; ticks are True and False."""
    return data_frame(report).to_csv(index=False)
