"""Progress of a run as text: its epoch or step, and the remaining time."""

from collections.abc import Mapping

UNITS = ((86_400, "days"), (3_600, "h"), (60, "min"))


def duration(seconds: float) -> str:
    """Duration in the largest unit that it reaches: 45 s, 12 min, 3.5 h, 12 days."""
    for size, unit in UNITS:
        if (number := seconds / size) >= 1:
            return f"{number:.1f} {unit}" if number < 10 and unit != "min" else f"{number:.0f} {unit}"
    return f"{seconds:.0f} s"


def position_text(progress: Mapping[str, object]) -> str:
    """Epoch or step of a training; empty if the progress has neither."""
    units = (unit for unit in ("epoch", "step") if unit in progress and f"{unit}s" in progress)
    return ", ".join(f"{unit} {progress[unit]}/{progress[f'{unit}s']}" for unit in units)


def time_left_text(progress: Mapping[str, object]) -> str:
    """Remaining time of a stage; empty if it is unknown."""
    seconds = progress.get("seconds_left")
    return f"{duration(seconds)} left" if isinstance(seconds, int | float) else ""
