"""Messages of one line, what the process of a run tells the launcher, and numbers with their units."""

import functools
import sys
from collections.abc import Mapping, Sequence

from data.errors import escaped

ERROR_PREFIX = "error: "  # of the last line that a failed process prints
NOTE_PREFIX = "note: "  # of lines that the launcher shows to the user
PROGRESS_PREFIX = "progress: "  # of lines that the launcher shows where it draws no bars

LONGEST = 1000  # number of characters; the start names the thing, the end the remedy


def one_line(text: object) -> str:
    """Text in one line with control characters escaped. The middle of more than LONGEST characters is left out."""
    line = escaped(" ".join(str(text).split()))
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"


@functools.cache
def say_once(text: str) -> None:
    """Print a text in one line on stderr, the first time."""
    print(one_line(text), file=sys.stderr, flush=True)


DURATIONS = ((86_400, "days"), (3_600, "h"), (60, "min"))


def duration(seconds: float, units: Sequence[tuple[int, str]] = DURATIONS) -> str:
    """Duration in the largest unit that it reaches: 45 s, 12 min, 3.5 h, 12 days."""
    for size, unit in units:
        if (number := seconds / size) >= 1:
            return f"{number:.1f} {unit}" if number < 10 and unit != "min" else f"{number:,.0f} {unit}"
    return f"{seconds:.0f} s"


def device_time_text(seconds: float) -> str:
    """Device time, in hours where papers state it in hours."""
    return duration(seconds, DURATIONS[1:])


def bytes_text(num_bytes: float) -> str:
    """Number of bytes in a unit that suits it."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if num_bytes >= factor:
            return f"{num_bytes / factor:.1f} {unit}"
    return f"{num_bytes / 1e3:.1f} kB"


def position_text(progress: Mapping[str, object]) -> str:
    """Epoch or step of a training; empty if the progress has neither."""
    units = (unit for unit in ("epoch", "step") if unit in progress and f"{unit}s" in progress)
    return ", ".join(f"{unit} {progress[unit]}/{progress[f'{unit}s']}" for unit in units)


def time_left_text(progress: Mapping[str, object]) -> str:
    """Remaining time of a stage; empty if it is unknown."""
    seconds = progress.get("seconds_left")
    return f"{duration(seconds)} left" if isinstance(seconds, int | float) else ""
