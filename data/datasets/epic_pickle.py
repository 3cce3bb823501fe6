"""Rows of a pickled pandas table, read without executing code from the file."""

import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from data.errors import DataError, shortened

# Globals in a pickled table of numbers and strings, as pandas and numpy have named them from 2019 to today.
ALLOWED = {
    ("builtins", "slice"),
    ("_codecs", "encode"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
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


class TableUnpickler(pickle.Unpickler):
    """Unpickler that is restricted to the globals of a table."""

    def find_class(self, module_name: str, global_name: str) -> object:
        """An allowed global."""
        if (module_name, global_name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it names {module_name}.{global_name}")
        return super().find_class(module_name, global_name)

    def persistent_load(self, pid: object) -> NoReturn:
        """Reject persistent ids: tables have none."""
        raise pickle.UnpicklingError("it refers to other files")


def pickled_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Location in the file, and fields of each row. The index becomes a column.

    Raises:
        DataError: if the file is not a table, or a table of an unsupported pandas version.
    """
    import pandas as pd  # here: it is slow to import

    remedy = f"put {path.stem}.csv, which has the same rows, beside it"
    try:
        table = TableUnpickler(io.BytesIO(path.read_bytes())).load()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the file and its rights") from error
    except Exception as error:  # a broken pickle may raise anything
        raise DataError(f"{path}: not a plain pickled table ({shortened(str(error))}); {remedy}") from error
    if not isinstance(table, pd.DataFrame):
        raise DataError(f"{path}: a pickled {type(table).__name__}, not a table; {remedy}")
    table = table.reset_index(names=table.index.name or "narration_id") if "narration_id" not in table else table
    for number, row in enumerate(table.astype(str).to_dict("records")):
        yield f"{path}: row {number}", {str(name): str(value) for name, value in row.items()}
