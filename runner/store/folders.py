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
