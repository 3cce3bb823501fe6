"""Class files of EPIC-Kitchens-100: names and categories of the verbs and of the nouns.

A row has the columns id, key, instances and, in some releases, category. The files `_v2` also have rows of other ids.
"""

from collections.abc import Iterable
from pathlib import Path

from data.datasets.annotations import class_number, csv_rows
from data.datasets.videos import first_file

FILE_NAMES = ("EPIC_100_{}_classes.csv", "EPIC_100_{}_classes_v2.csv")


def class_names(folders: Iterable[Path], kind: str, count: int) -> tuple[str, ...]:
    """Names of verbs or nouns. Without a class file, names contain numbers."""
    names: dict[int, str] = {}
    for path in class_files(folders, kind):
        names = {**column(path, "key", count), **names}
    return tuple(names.get(number) or f"{kind} {number}" for number in range(count))


def class_categories(folders: Iterable[Path], kind: str, count: int) -> tuple[str, ...]:
    """Category of each verb or noun, from the first class file with a category for all; empty without such a file."""
    for path in class_files(folders, kind):
        found = column(path, "category", count)
        if len(found) == count:
            return tuple(found[number] for number in range(count))
    return ()


def class_files(folders: Iterable[Path], kind: str) -> list[Path]:
    """Class files of a kind."""
    folders = list(folders)
    found = (first_file(folders, [name.format(kind)]) for name in FILE_NAMES)
    return [path for path in found if path is not None]


def column(path: Path, name: str, count: int) -> dict[int, str]:
    """Values of a column that are not empty, by class. Of several rows of a class, the first counts."""
    values: dict[int, str] = {}
    for _, row in csv_rows(path):
        number, value = class_number(row.get("id", ""), count), row.get(name, "").strip()
        if number is not None and value:
            values.setdefault(number, value)
    return values
