"""Ids of configs: hashes of their canonical JSON, in which each dataclass has a tag with its name."""

import functools
import hashlib
import json
import sys
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

from experiments.spec.paper_folders import HOME

ID_LENGTH = 12


def digest(value: object) -> str:
    """Id of a config, or of configs by name: the first hexadecimal digits of the SHA-256 of its canonical JSON."""
    return tree_digest({k: canonical(v) for k, v in value.items()} if isinstance(value, dict) else canonical(value))


def tree_digest(tree: object) -> str:
    """Id of a config that is JSON already."""
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


def canonical(value: object) -> object:
    """Config as JSON: each dataclass with its tag, and without fields whose value is their `omit_if`."""
    if is_dataclass(value) and not isinstance(value, type):
        types = field_types(type(value))
        members = {name: canonical(_as_declared(part, types[name])) for name, part in hashed_fields(value).items()}
        return {"type": tag_of(type(value)), **members}
    if isinstance(value, tuple):
        return [canonical(member) for member in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be part of a run: {value!r}")


@functools.cache
def tag_of(kind: type) -> str:
    """Tag of a config class in ids: its qualified name, or the `config_tag` that a renamed class defines.

    The name follows that of its paper, if this is in a folder of $REPRODUCE_PAPERS: two of these may name classes alike.
    """
    package, paper, *_ = *kind.__module__.split("."), ""
    is_outside = package == HOME.name and not (HOME / paper).exists()
    return vars(kind).get("config_tag", f"{paper}.{kind.__qualname__}" if is_outside else kind.__qualname__)


def hashed_fields(config: object) -> dict[str, object]:
    """Fields that determine the id, by metadata: not those whose value is `omit_if`, and none with `in_id=False`."""
    assert is_dataclass(config)
    values = {f: getattr(config, f.name) for f in fields(config) if f.metadata.get("in_id", True)}
    return {f.name: v for f, v in values.items() if not ("omit_if" in f.metadata and v == f.metadata["omit_if"])}


@functools.cache
def field_types(kind: type) -> dict[str, object]:
    """Declared types of the fields of a dataclass, with resolved annotations."""
    return get_type_hints(kind, vars(sys.modules[kind.__module__]))


def _as_declared(value: object, declared: object) -> object:
    """Value with integers in float fields converted to floats, so that 1 and 1.0 give the same id."""
    options = get_args(declared) if get_origin(declared) in (Union, UnionType) else (declared,)
    if isinstance(value, tuple):
        kinds = next((get_args(option) for option in options if get_origin(option) is tuple), (None,))
        return tuple(_as_declared(member, kinds[0]) for member in value)
    if isinstance(value, int) and not isinstance(value, bool) and float in options and int not in options:
        return float(value)
    return value
