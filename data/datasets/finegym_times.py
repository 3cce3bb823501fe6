"""Names of the sub-actions of FineGym, and their times in the annotation JSON.

The JSON maps videos to events, whose `segments` are their sub-actions. An entry has `timestamps`, a list of stages with
start and end in seconds: those of an event from the start of the video, those of a sub-action from that of its event.
"""

import re
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

from data.datasets.annotations import json_content
from data.datasets.videos import Span
from data.errors import DataError

NAME = re.compile(r"(?P<video>[\w-]+)_(?P<event>E_\d+_\d+)_(?P<action>A_\d+_\d+)", re.ASCII)
MAX_SECONDS = 10**7
UNUSED_RATE = 30.0  # of pictures, which a video file does not have


class SubAction(NamedTuple):
    """Parts of the name of a sub-action."""

    video: str
    event: str
    action: str

    @classmethod
    def of(cls, name: str) -> Self | None:
        """Parts of a name; None for another name."""
        match = NAME.fullmatch(name)
        return None if match is None else cls(**match.groupdict())

    @property
    def event_name(self) -> str:
        return f"{self.video}_{self.event}"


class AnnotatedTimes:
    """Times in an annotation JSON.

    Args:
        path: its path.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def content(self) -> object:
        return json_content(self.path)

    def span(self, part: SubAction, annotation: Path, *, in_event: bool) -> Span:
        """Time of a sub-action in its event, or in the whole video: from its first to its last stage.

        Args:
            annotation: list that names the sub-action, for the message.

        Raises:
            DataError: if the file does not state it.
        """
        event = member(self.content, part.video, part.event)
        stages = first_and_last(member(event, "segments", part.action))
        if stages is None:
            raise DataError(
                f"{annotation}: {part.event_name}_{part.action} has no times in {self.path}; use files of one release"
            )
        start, stop = stages
        if in_event:
            return Span(start, stop, UNUSED_RATE)
        whole = first_and_last(event)
        if whole is None:
            raise DataError(f"{self.path}: event {part.event} of {part.video} has no times; get it again")
        return Span(start + whole[0], stop + whole[0], UNUSED_RATE)


def member(content: object, *names: str) -> object:
    """Member of nested dicts; None if there is none."""
    for name in names:
        content = content.get(name) if isinstance(content, dict) else None
    return content


def first_and_last(entry: object) -> tuple[float, float] | None:
    """Start of the first and end of the last of an entry's stages; None if it has none."""
    stages = member(entry, "timestamps")
    if not isinstance(stages, list) or not stages or not all(map(is_stage, stages)):
        return None
    start, stop = float(stages[0][0]), float(stages[-1][1])
    return (start, stop) if start < stop else None


def is_stage(stage: object) -> bool:
    """Whether a stage is a pair of times."""
    if not isinstance(stage, list) or len(stage) != 2:
        return False
    return all(isinstance(time, int | float) and 0 <= time < MAX_SECONDS for time in stage)
