"""Kinds of the fields of stored records, and the first field of a record that is of another kind."""

from collections.abc import Mapping

COUNT, NUMBER, TEXT = "a whole number of 0 or more", "a number of 0 or more", "a text"
LARGEST = 1e300  # of a number in a record; larger integers have no float


def field_problem(record: Mapping[str, object], fields: Mapping[str, object], path: str = "") -> str | None:
    """First field that is missing or of another kind, as a sentence; None if there is none.

    Args:
        fields: kinds by name. A name with "?" at its end is that of a field that may be missing. A dictionary is the
            fields of a nested object, a list the kind of the members of a list.
        path: prefix of the names in the sentence.
    """
    for key, kind in fields.items():
        name = key.removesuffix("?")
        if name not in record:
            if name == key:
                return f"it has no {path}{name}"
            continue
        if (problem := _kind_problem(record[name], kind, f"{path}{name}")) is not None:
            return problem
    return None


def _kind_problem(value: object, kind: object, path: str) -> str | None:
    if isinstance(kind, dict):
        return field_problem(value, kind, f"{path}.") if isinstance(value, dict) else f"its {path} is no object"
    if isinstance(kind, list):
        if not isinstance(value, list):
            return f"its {path} is no list"
        problems = (_kind_problem(member, kind[0], f"{path}[{index}]") for index, member in enumerate(value))
        return next((problem for problem in problems if problem is not None), None)
    fits = isinstance(value, str) if kind == TEXT else is_number(value, least=0)
    if fits and (kind != COUNT or isinstance(value, int)):
        return None
    return f"its {path} is {value}; it must be {kind}"


def is_number(value: object, least: float = -LARGEST, most: float = LARGEST) -> bool:
    """Whether a value is a finite number in a range, and no boolean."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return max(least, -LARGEST) <= value <= min(most, LARGEST)
