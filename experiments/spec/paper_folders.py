"""Directories of papers: `experiments/`, and those that $REPRODUCE_PAPERS lists."""

import os
from pathlib import Path

import experiments

HOME = Path(experiments.__path__[0])
PAPERS = "REPRODUCE_PAPERS"  # environment variable: further directories of papers, separated as in $PATH


def paper_folders() -> list[Path]:
    """Parent directories of papers. Those outside of `experiments` are added to its import path."""
    for folder in filter(None, os.environ.get(PAPERS, "").split(os.pathsep)):
        if not Path(folder).is_dir():
            raise ValueError(f"${PAPERS}: there is no folder {folder}")
        if folder not in experiments.__path__:
            experiments.__path__.append(folder)
    return [Path(folder) for folder in experiments.__path__]
