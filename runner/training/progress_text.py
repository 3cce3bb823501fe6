"""Progress of a run as text: its epoch or step, and the remaining time."""

from collections.abc import Mapping

from runner.machine.messages import duration


def position_text(progress: Mapping[str, object]) -> str:
    """Epoch or step of a training; empty if the progress has neither."""
    units = (unit for unit in ("epoch", "step") if unit in progress and f"{unit}s" in progress)
    return ", ".join(f"{unit} {progress[unit]}/{progress[f'{unit}s']}" for unit in units)


def time_left_text(progress: Mapping[str, object]) -> str:
    """Remaining time of a stage; empty if it is unknown."""
    seconds = progress.get("seconds_left")
    return f"{duration(seconds)} left" if isinstance(seconds, int | float) else ""
