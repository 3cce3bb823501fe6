"""What the process of a run is asked to do. The launcher writes it to a file, and the process resolves no name again.

The file is JSON: each dataclass with its class, a path with its text.
"""

import importlib
import json
from dataclasses import dataclass, field, fields, is_dataclass
from functools import reduce
from pathlib import Path
from typing import Self

from experiments.spec.paper_folders import paper_folders
from experiments.spec.run import RunConfig
from runner.machine.files import json_object, write_atomically
from runner.machine.resources import Resources

CLASS, PATH = "class", "path"  # keys of the JSON


@dataclass(frozen=True, kw_only=True)
class Request:
    """A run to train and test, and the resources for it."""

    run: RunConfig
    resources: Resources = field(default_factory=Resources)
    runs: Path = Path("runs")
    """Directory of the runs."""
    folder: str = ""
    """Name of the folder of the run in it; if empty, the folder is found by the id of the run."""
    eval_only: bool = False
    """Existing weights are tested, and nothing is trained."""

    def save(self, path: Path) -> None:
        write_atomically(path, json.dumps(_encoded(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        paper_folders()  # those outside of this repository become importable
        try:
            request = _decoded(json_object(path))
        except (ImportError, AttributeError, TypeError) as error:
            raise ValueError(f"cannot read {path}: {error}; `reproduce run` writes it again") from None
        if not isinstance(request, cls):
            raise ValueError(f"cannot read {path}: it holds no request of a run")
        return request


def _encoded(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        members = {f.name: _encoded(getattr(value, f.name)) for f in fields(value) if f.init}
        return {CLASS: f"{type(value).__module__}:{type(value).__qualname__}", **members}
    if isinstance(value, tuple):
        return [_encoded(member) for member in value]
    return {PATH: str(value)} if isinstance(value, Path) else value


def _decoded(value: object) -> object:
    match value:
        case {"class": str(name), **members}:
            module, _, qualname = name.partition(":")
            kind = reduce(getattr, qualname.split("."), importlib.import_module(module))
            return kind(**{name: _decoded(member) for name, member in members.items()})  # type: ignore[operator]
        case {"path": str(text)}:
            return Path(text)
        case list():
            return tuple(map(_decoded, value))
    return value
