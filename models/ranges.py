"""Valid ranges of config fields."""

import math


def check_range(
    path: str, value: float | None, *, least: float, below: float = math.inf, exclusive: bool = False
) -> None:
    """Refuse a number that is out of range. None is allowed.

    Args:
        path: full name of the field, e.g. "model.width".
        exclusive: whether `least` itself is refused.

    Raises:
        ValueError: with the field and its range; also for NaN and infinity.
    """
    if value is None or ((value > least if exclusive else value >= least) and value < below):
        return
    wanted = f"more than {least:g}" if exclusive else f"{least:g} or more"
    raise ValueError(f"{path} is {value}; it must be {wanted}" + (f" and below {below:g}" if below < math.inf else ""))
