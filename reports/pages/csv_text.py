"""Lines of values as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence


def csv_text(names: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """A line of names and then the lines of values. None is empty, floats have as many digits as they need."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(lines)
    return text.getvalue()
