"""Released weights as literals: files that the authors of a paper published, and the table cells of their numbers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from experiments.spec.run import RunConfig


class ReleasedFile(NamedTuple):
    """Released file, and the cell whose printed number was computed with it.

    `name`: file name without suffix. `row`: row as paper/table:row. `column`: key of the column.
    """

    name: str
    row: str
    column: str


@dataclass(frozen=True, kw_only=True)
class ReleasedWeights:
    """Released files of a paper.

    Args:
        files: files with their cells. Files of several cells may share a name.
        location: URL of their directory, or of the page that links to them.
        suffix: suffix of their names.
        linked: whether `location` is a page with links.
        expected_settings: function of a run. It returns the settings that the tensors of a file do not determine, under
            the authors' names.
    """

    files: tuple[ReleasedFile, ...]
    location: str
    suffix: str
    expected_settings: Callable[[RunConfig], Mapping[str, object]] = lambda run: {}
    linked: bool = False

    def url(self, file: ReleasedFile) -> str:
        """URL of a file, or of the page that links to it."""
        return self.location if self.linked else f"{self.location}/{file.name}{self.suffix}"

    def find(self, name: str) -> ReleasedFile | None:
        """Released file with this name; None if there is none, or if several share it."""
        named = [file for file in self.files if file.name == name]
        return named[0] if len(named) == 1 else None

    def stated_settings(self, run: RunConfig, settings: str) -> dict[str, str]:
        """Settings that a file states and its tensors do not determine. Names are compared without the sections."""
        stated = dict(re.findall(r"^\s*([A-Z_]+):\s*['\"]?([\w.]+)['\"]?\s*$", settings, flags=re.MULTILINE))
        expected = {key: str(value) for key, value in self.expected_settings(run).items()}
        found = {key: stated[key] for key in expected if key in stated}
        different = [
            f"{key} {value} (this row: {expected[key]})" for key, value in found.items() if value != expected[key]
        ]
        if different:
            raise ValueError(", ".join(different))
        return found
