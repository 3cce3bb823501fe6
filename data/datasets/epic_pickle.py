"""Rows of a pickled pandas table, read without executing code from the file."""

from collections.abc import Iterator
from pathlib import Path

from data.datasets.restricted_pickle import ARRAYS, unpickled
from data.errors import DataError

# Globals in a pickled table of numbers and strings, as pandas and numpy have named them from 2019 to today.
ALLOWED = ARRAYS | {
    ("builtins", "slice"),
    ("pandas", "Index"),
    ("pandas", "RangeIndex"),
    ("pandas", "DataFrame"),
    ("pandas.core.frame", "DataFrame"),
    ("pandas.core.indexes.base", "Index"),
    ("pandas.core.indexes.base", "_new_Index"),
    ("pandas.core.indexes.range", "RangeIndex"),
    ("pandas.core.internals.managers", "BlockManager"),
    ("pandas._libs.internals", "_unpickle_block"),
}


def pickled_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Location in the file, and fields of each row. The index becomes a column.

    Raises:
        DataError: if the file is not a table, or a table of an unsupported pandas version.
    """
    import pandas as pd  # here: it is slow to import

    remedy = f"put {path.stem}.csv, which has the same rows, beside it"
    table = unpickled(path, ALLOWED, kind="a plain pickled table", remedy=remedy)
    if not isinstance(table, pd.DataFrame):
        raise DataError(f"{path}: a pickled {type(table).__name__}, not a table; {remedy}")
    table = table.reset_index(names=table.index.name or "narration_id") if "narration_id" not in table else table
    for number, row in enumerate(table.astype(str).to_dict("records")):
        yield f"{path}: row {number}", {str(name): str(value) for name, value in row.items()}
