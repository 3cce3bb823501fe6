"""Released weights as literals: the files that a paper's authors published, and the rows that they belong to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from experiments.spec.run import RunConfig


class ReleasedFile(NamedTuple):
    """A released file, and the cell whose printed number it made.

    `name`: without its suffix. `row`: as paper/table:row. `column`: a column's key.
    """

    name: str
    row: str
    column: str


@dataclass(frozen=True, kw_only=True)
class ReleasedWeights:
    """The released files of a paper.

    Args:
        files: with the rows that they belong to.
        location: URL of the folder that holds them.
        suffix: of the files.
        stated_settings: reads from the text of a file's own settings what the tensors do not tell; raises ValueError
            where they are not the run's.
    """

    files: tuple[ReleasedFile, ...]
    location: str
    suffix: str
    stated_settings: Callable[[RunConfig, str], dict[str, str]]

    def url(self, file: ReleasedFile) -> str:
        """The place where a file is published."""
        return f"{self.location}/{file.name}{self.suffix}"

    def find(self, name: str) -> ReleasedFile | None:
        """The released file of a name, if it is one."""
        return next((file for file in self.files if file.name == name), None)
