"""Valid ranges of config fields."""

import math


def check_fields(
    path: str, config: object, *names: str, least: float, most: float = math.inf, exclusive: bool = False
) -> None:
    """Reject fields that are out of range. None is allowed. All numbers of a tuple must be in range.

    Args:
        path: full name of the config, e.g. "data.augmentation".
        names: names of the fields.
        exclusive: whether `least` itself is rejected.

    Raises:
        ValueError: with the field and its range; also for NaN and infinity.
    """
    for name in names:
        value = getattr(config, name)
        numbers = value if isinstance(value, tuple) else () if value is None else (value,)
        if all((n > least if exclusive else n >= least) and n <= most and n < math.inf for n in numbers):
            continue
        wanted = f"more than {least:g}" if exclusive else f"{least:g} or more"
        if most < math.inf:
            wanted = f"{wanted} and at most {most:g}" if exclusive else f"between {least:g} and {most:g}"
        raise ValueError(f"{path}.{name} is {value}; it must be {wanted}")


def check_ascending(path: str, config: object, *names: str) -> None:
    """Reject ranges (low, high) with low above high.

    Raises:
        ValueError: with the field.
    """
    for name in names:
        low, high = getattr(config, name)
        if low > high:
            raise ValueError(f"{path}.{name} is {(low, high)}; the first number must not be above the second")
