"""Values that follow from a config alone, kept in the user's cache: to count operations takes seconds.

A file holds the values of one version of the code. Any change of the code, PyTorch or a library of models makes
another.
"""

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from experiments.spec.paper_folders import paper_folders
from experiments.spec.run import RunConfig
from runner.machine.files import StoreError, json_object, write_atomically

CACHE = "COMPUTED_VALUES"  # environment variable: folder of the files
LIBRARIES = ("torch", "torchvision", "timm", "pytorchvideo", "numpy")
PACKAGES = ("interface", "models", "data", "lightning_modules")  # besides `experiments`
SECONDS_KEPT = 30 * 24 * 3600  # files of other versions of the code

Value = TypeVar("Value", float, str, float | str | None)


def computed(name: str, of: Callable[[RunConfig], Value], run: RunConfig) -> Value:
    """Value of a function of a run: kept from an earlier call, or computed now.

    A function within another one depends on more than its name, and is computed each time.

    Args:
        name: name of the value. It distinguishes functions of the same name, e.g. two lambdas of a module.
    """
    function, arguments = (of.func, f"{of.args}{of.keywords}") if isinstance(of, functools.partial) else (of, "")
    if getattr(function, "__closure__", None):
        return of(run)
    key = f"{name} {function.__module__}.{function.__qualname__}{arguments} {run.train_id}/{run.eval_id}"
    file = cache_folder() / f"{code_digest()}.json"
    values = _kept(file)
    if key not in values:
        values[key] = of(run)
        with suppress(StoreError):  # a cache that cannot be written is none
            is_new = not file.exists()
            write_atomically(file, json.dumps(values, indent=0))
            if is_new:
                _remove_old(file.parent)
    return values[key]


def cache_folder() -> Path:
    """Folder of the files: `$COMPUTED_VALUES`, else one in the user's cache, `$XDG_CACHE_HOME` or ~/.cache."""
    user_cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get(CACHE) or Path(user_cache, "video-computed-values"))


@functools.cache
def code_digest() -> str:
    """Hash of all code that a value may depend on, and of the versions of the libraries."""
    libraries = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    digest = hashlib.sha256(" ".join([platform.python_version(), *libraries]).encode())
    for file in sorted(_source_files()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _source_files() -> Iterator[Path]:
    """Files of the packages and of all papers, those outside of this repository included."""
    root = Path(__file__).resolve().parents[2]
    for folder in (*(root / name for name in PACKAGES), *paper_folders()):
        yield from folder.rglob("*.py")


@functools.cache
def _kept(file: Path) -> dict:
    """Values in a file; empty without a readable one."""
    try:
        return json_object(file) or {}
    except ValueError:
        return {}


def _remove_old(folder: Path) -> None:
    """Remove the files that no version of the code has written for long."""
    for file in folder.glob("*.json"):
        with suppress(OSError):
            if time.time() - file.stat().st_mtime > SECONDS_KEPT:
                file.unlink()
