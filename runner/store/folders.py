"""Folders of runs, `<paper>.<table>.<row>.<column>-<id>`: named after the cell that started them, found by the id.

Imports no PyTorch. Folders of earlier versions, and those of published results, have the id alone as their name.
"""

import re
from pathlib import Path

STARTS = "starts.json"  # file of what started a run
NAME = re.compile(r"(?:.*-)?([0-9a-f]{12})")


def train_id_of(folder: Path) -> str | None:
    """Id of the run in a folder; None for a folder of anything else."""
    return match[1] if (match := NAME.fullmatch(folder.name)) is not None else None


def run_folders(root: Path) -> dict[str, Path]:
    """Folders of all runs in a directory, by id. Of several with one id, the shortest name counts."""
    found: dict[str, Path] = {}
    for folder in sorted(root.glob("*"), key=lambda folder: (len(folder.name), folder.name)):
        if (train_id := train_id_of(folder)) is not None:
            found.setdefault(train_id, folder)
    return found


class RunFolders:
    """Folders of the runs in a directory, which is listed again if it has changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._found: dict[str, Path] = {}
        self._listed_at = 0

    def of(self, train_id: str) -> Path:
        """Folder of a run or, if it has none, the one that it gets without a name."""
        if train_id not in self._found:
            changed_at = self.root.stat().st_mtime_ns if self.root.exists() else 0
            if changed_at != self._listed_at:
                self._found, self._listed_at = run_folders(self.root) | self._found, changed_at
        return self._found.get(train_id, self.root / train_id)

    def add(self, folder: Path) -> None:
        """Take a folder that a listing may not show yet, as on another node of a network file system."""
        self._found[train_id_of(folder) or folder.name] = folder
