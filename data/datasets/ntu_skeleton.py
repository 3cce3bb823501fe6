"""Text of a `.skeleton` file of NTU RGB+D (https://github.com/shahroudy/NTURGB-D).

The first line is the number of frames. A frame is a line with its number of bodies, and for each body a line of 10
fields that begins with its id, a line with its number of joints, and a line of 12 fields a joint. Fields 6 and 7 of a
joint are its place in the picture of 1920 x 1080 pixels. F: frames, J: joints.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.errors import DecodeError, shortened

NUM_JOINTS, BODY_FIELDS, JOINT_FIELDS = 25, 10, 12
COLOR_X, COLOR_Y = 5, 6
# Windows writes a number that is none as -1.#IND or 1.#QNAN.
WINDOWS_MARK = "#"


class Bodies(NamedTuple):
    """Places (F, J, 2) of the joints of each body, by its id; NaN in frames without the body."""

    num_frames: int
    places: dict[str, NDArray[np.float32]]


def skeleton_bodies(path: str) -> Bodies:
    """Bodies in a file.

    Raises:
        DecodeError: with the line that is not as expected, or that is missing.
    """
    try:
        with open(path, encoding="ascii") as file:
            return SkeletonText(path, file.read().splitlines()).bodies()
    except FileNotFoundError:
        raise DecodeError(path, "no such file", missing=True) from None
    except UnicodeDecodeError:
        raise DecodeError(path, "not a text file; get it again") from None
    except OSError as error:
        raise DecodeError(path, f"cannot be read ({error.strerror}); check the file and its rights") from error


class SkeletonText:
    """Lines of a file, which are read one after the other.

    Args:
        path: path of the file, for messages.
    """

    def __init__(self, path: str, lines: list[str]) -> None:
        self.path, self.lines = path, lines
        self.place = 0

    def bodies(self) -> Bodies:
        """Bodies in all frames."""
        num_frames = self.number("frames")
        if num_frames == 0 or num_frames >= len(self.lines):
            raise self.error(f"{num_frames} frames in a file of {len(self.lines)} lines; it is cut short: get it again")
        places: dict[str, NDArray[np.float32]] = {}
        for frame in range(num_frames):
            for _ in range(self.number("bodies")):
                body = self.fields(BODY_FIELDS, "a body")[0]
                if body not in places:
                    places[body] = np.full((num_frames, NUM_JOINTS, 2), np.nan, np.float32)
                if (count := self.number("joints")) != NUM_JOINTS:
                    raise self.error(f"{count} joints; a body has {NUM_JOINTS}")
                places[body][frame] = [self.joint() for _ in range(NUM_JOINTS)]
        rest = next((line for line in self.lines[self.place :] if line.strip()), None)
        if rest is not None:
            raise DecodeError(self.path, f"line {self.place + 1}: text after the last of {num_frames} frames")
        return Bodies(num_frames, places)

    def joint(self) -> tuple[float, float]:
        """Place of a joint in the picture."""
        fields = self.fields(JOINT_FIELDS, "a joint")
        return self.coordinate(fields[COLOR_X]), self.coordinate(fields[COLOR_Y])

    def coordinate(self, text: str) -> float:
        """Coordinate; NaN for a joint without a place."""
        try:
            return float(text)
        except ValueError:
            if WINDOWS_MARK in text:
                return math.nan
            raise self.error(f"'{shortened(text)}' is no coordinate") from None

    def number(self, unit: str) -> int:
        """Number on a line of its own.

        Args:
            unit: plural noun for what it counts.
        """
        (text,) = self.fields(1, f"the number of {unit}")
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise self.error(f"'{shortened(text)}' is no number of {unit}")
        return int(text)

    def fields(self, count: int, what: str) -> list[str]:
        """Fields of the next line."""
        if self.place == len(self.lines):
            raise DecodeError(self.path, f"cut short: it ends after line {self.place}, before {what}; get it again")
        fields = self.lines[self.place].split()
        self.place += 1
        if len(fields) != count:
            raise self.error(f"{len(fields)} fields; {what} has {count}" + self.cut)
        return fields

    @property
    def cut(self) -> str:
        """Remedy for a wrong line, if it is the last one."""
        return ", and the file ends here: get it again" if self.place == len(self.lines) else ""

    def error(self, what: str) -> DecodeError:
        return DecodeError(self.path, f"line {self.place}: {what}")
