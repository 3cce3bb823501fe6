"""Names of rows and cells in one line, made of the labels and headers of their table."""

from experiments.spec.table import Column, Row, Table, one_line


def row_name(table: Table, row: Row) -> str:
    """Name of a row in one line: its texts, then its ticked labels, e.g. `Trajectory (Att_T, Norm_S)`.

    Numbers have their headers, e.g. `Trajectory (A), # Prototypes=16`. The pretraining is left
    out, because it does not hold at every scale.
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
