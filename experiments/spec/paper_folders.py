"""Directories of papers, `experiments/` and those that $REPRODUCE_PAPERS lists, and their files."""

import importlib
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


def paper_file(paper: str, name: str) -> Path | None:
    """File in the directory of a paper; None if there is no such file."""
    return next((file for folder in paper_folders() if (file := folder / paper / name).exists()), None)


def members(paper: str, stem: str) -> dict:
    """What a file in the directory of a paper defines, by name; empty if there is no such file."""
    if paper_file(paper, f"{stem}.py") is None:
        return {}
    try:
        return vars(importlib.import_module(f"experiments.{paper}.{stem}"))
    except Exception as error:
        raise ValueError(
            f"experiments/{paper}/{stem}.py cannot be imported: {type(error).__name__}: {error}"
        ) from error
