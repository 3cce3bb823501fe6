"""Configs as plain data, which JSON and checkpoints without pickled objects hold.

A dataclass is a dict with the name of its class, a tuple a list, and a path a dict with its text.
"""

import importlib
import sys
from dataclasses import fields, is_dataclass
from functools import reduce
from pathlib import Path

CLASS, PATH = "class", "path"  # keys
PACKAGES = ("data", "experiments", "interface", "lightning_modules", "models", "runner")


def encoded(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        members = {f.name: encoded(getattr(value, f.name)) for f in fields(value) if f.init}
        return {CLASS: f"{type(value).__module__}:{type(value).__qualname__}", **members}
    if isinstance(value, tuple):
        return [encoded(member) for member in value]
    return {PATH: str(value)} if isinstance(value, Path) else value


def decoded(value: object, *, from_anywhere: bool = False) -> object:
    """Config of plain data.

    Args:
        from_anywhere: whether the data may name classes of any module, which is then imported. Data of others may only
            name configs of our packages and of modules that are imported already, so that reading them runs no code.

    Raises:
        ValueError: if the data are not those of this version.
    """

    def built(value: object) -> object:
        match value:
            case {"class": str(name), **members}:
                return class_named(name, from_anywhere)(**{name: built(member) for name, member in members.items()})
            case {"path": str(text)}:
                return Path(text)
            case list():
                return tuple(map(built, value))
        return value

    try:
        return built(value)
    except (ImportError, AttributeError, TypeError) as error:
        raise ValueError(f"its config needs other code than is imported here: {error}") from None


def class_named(name: str, from_anywhere: bool) -> type:
    """Dataclass by its module and its qualified name."""
    module, _, qualname = name.partition(":")
    if from_anywhere or module.partition(".")[0] in PACKAGES:
        importlib.import_module(module)
    kind = reduce(getattr, qualname.split("."), sys.modules.get(module))
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise TypeError(f"{name} is no config")
    return kind
