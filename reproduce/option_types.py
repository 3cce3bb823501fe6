"""Types of the options: what each makes of its text, and what it says of a text that it cannot take."""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable
from pathlib import Path

from experiments.spec.names import FINE_TUNE, OWN_DATA, UNCHANGED, own_data


def path(text: str) -> Path:
    """Path of an argument. Path itself takes an empty one for the working directory."""
    if not text:
        raise ArgumentTypeError("names no file; '.' is the working directory")
    return Path(text)


def png_file(text: str) -> Path:
    file = path(text)
    if file.suffix.lower() != ".png":
        raise ArgumentTypeError(f"'{text}' does not end in .png")
    if not file.parent.is_dir():
        raise ArgumentTypeError(f"there is no folder {file.parent}")
    return file


PUBLISHED = "published"  # what reports call the first published test


def author(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]+", text) or text == PUBLISHED:
        raise ArgumentTypeError(f"'{text}' is no name of letters, digits and hyphens other than '{PUBLISHED}'")
    return text


def run_name(text: str) -> str:
    if text == UNCHANGED:
        raise ArgumentTypeError(f"'{text}' names the runs without overrides; choose another name")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", text):
        raise ArgumentTypeError(f"'{text}' is no name of letters, digits, . _ -")
    return text


def sbatch_option(text: str) -> str:
    if re.search(r"(^|\s)(-d|--dep)", text):
        raise ArgumentTypeError(
            f"'{text}': jobs wait for each other; hold them with --sbatch=--hold, and release them with scontrol"
        )
    return text


def at_least(minimum: int, largest: int | None = None) -> Callable[[str], int]:
    range_text = f"{minimum} or more" if largest is None else f"from {minimum} to {largest}"

    def number(text: str) -> int:
        if (value := int(text)) < minimum or (largest is not None and value > largest):
            raise ArgumentTypeError(f"{text}: it must be {range_text}")
        return value

    return number


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def seeds(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(map(int, text.split(",")))
    except ValueError:
        raise ArgumentTypeError(f"'{text}': write whole numbers with commas, e.g. --seeds 0,1,2") from None
    if not all(0 <= number < 2**32 for number in numbers):
        raise ArgumentTypeError(f"'{text}': seeds are 0 or more, and below {2**32}")
    if len(set(numbers)) != len(numbers):
        raise ArgumentTypeError(f"'{text}' names a seed twice")
    return numbers


def point(text: str) -> tuple[float, float]:
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        raise ArgumentTypeError(
            f"'{text}': write it as X,Y, fractions of width and height, e.g. --query 0.4,0.6"
        ) from None
    return x, y


class Duration(float):
    """Seconds, written as hours, minutes and seconds."""

    def __str__(self) -> str:
        seconds = round(self)
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def duration(text: str) -> Duration:
    seconds = 0.0
    if match := re.fullmatch(r"(?:(\d+):)?(\d+):(\d+):(\d+)", text):
        days, hours, minutes, rest = (int(part or 0) for part in match.groups())
        seconds = ((24 * days + hours) * 60 + minutes) * 60 + rest
    elif match := re.fullmatch(r"(\d+(?:\.\d+)?)(s|min|h|d)", text):
        seconds = float(match[1]) * {"s": 1, "min": 60, "h": 3600, "d": 86_400}[match[2]]
    if not seconds:
        raise ArgumentTypeError(f"'{text}': write it as 12:00:00 (hours, minutes, seconds), 90min, 12h or 3d")
    return Duration(seconds)


def data_root(text: str) -> tuple[str, Path]:
    name, _, root = text.partition("=")
    if not (name and root):
        raise ArgumentTypeError(f"'{text}': write it as NAME=PATH, e.g. --data kinetics400=/data/k400")
    return name, Path(root)


def own_folder(text: str) -> str:
    try:
        return own_data(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def all_override_words(overrides: Iterable[str]) -> list[str]:
    return [word for override in overrides for word in override_words(override)]


def override_words(override: str) -> list[str]:
    if override == FINE_TUNE:
        return ["--fine-tune"]
    if override.startswith(OWN_DATA):
        return ["--own", override.removeprefix(OWN_DATA)]
    return ["-o", override]
