"""Edits of a run: new values of fields at dotted paths, from table specs or the command line."""

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Literal, TypeVar, Union, get_args, get_origin

import msgspec

from experiments.spec.ids import field_types
from experiments.spec.names import FINE_TUNE, OWN_DATA, nearest, path_of
from experiments.spec.number_formats import without_noise
from experiments.spec.run import Parent, RunConfig
from lightning_modules.optim import OptimConfig

LARGEST = 2**31 - 1  # number in an override; none of any field is larger


@dataclass(frozen=True)
class Edit:
    """New value of the field at a dotted path, or a function from the old value to the new one.

    `only_if_trained`: whether runs without training are left unchanged. This always holds for fields of the recipe.
    `of_run`: whether the function takes the whole run in place of the old value. At a small scale, this is the run after
    the edits that precede this one.
    `ablated`: whether a table compares values of this field, so that a small scale does not replace the new one.
    """

    path: str
    value: object
    only_if_trained: bool = False
    of_run: bool = False
    ablated: bool = False

    def apply(self, run: RunConfig) -> RunConfig:
        if (self.only_if_trained and run.optim is None) or _has_no_effect(self.path, run):
            return run
        value = self.value
        if self.of_run:
            assert callable(value)
            value = value(run)
        return _set(run, self.path.split("."), value, self.path)


Edits = tuple[Edit, ...]


def _has_no_effect(path: str, run: RunConfig) -> bool:
    """Whether an edit has no effect, because it changes the training recipe of a run without training."""
    return run.optim is None and path.startswith("optim.")


def apply(run: RunConfig, edits: Iterable[Edit]) -> RunConfig:
    """Run after all edits, in their order."""
    for edit in edits:
        run = edit.apply(run)
    return run


def _of_part(part: str) -> Callable[..., Edits]:
    """Function that makes edits of a part of a run, e.g. `model(attention=JointAttention.Config())`."""

    def edits(**values: object) -> Edits:
        return tuple(Edit(f"{part}.{name}", value) for name, value in values.items())

    return edits


model, data, optim, evaluation = map(_of_part, ("model", "data", "optim", "evaluation"))


def ablated(edits: Edits) -> Edits:
    """Edits that a small scale does not replace, e.g. `ablated(optim(lr=1e-3))`."""
    return tuple(replace(edit, ablated=True) for edit in edits)


def override(text: str, run: RunConfig) -> Edit:
    """Edit of a command line override such as `optim.epochs=3`, checked against a run.

    `data=FOLDER` replaces the data set by a folder of videos.

    Raises:
        ValueError: if the run has no such field, or the value has the wrong type.
    """
    path, equals, literal = (part.strip() for part in text.partition("="))
    if not equals:
        raise ValueError(f"override '{text}' has no '='; write it as path=value, e.g. optim.epochs=3")
    if text == OWN_DATA:
        raise ValueError(f"override '{text}' names no folder of videos")
    if text.startswith(OWN_DATA):
        from data.datasets.own_videos import VideoFolder  # here: other commands need it not

        return Edit("data", run.data.with_videos(VideoFolder.Config.of(Path(text.removeprefix(OWN_DATA)))))
    *parents, name = path.split(".")
    value = _parse(literal)
    if _has_no_effect(path, run):  # only the name of the field is checked
        _field_value(OptimConfig(), path.split(".")[1], path)
        return Edit(path, value)
    if path == "seed":
        raise ValueError(f"override '{text}': seeds are named with --seeds, e.g. --seeds 0,1,2")
    owner: object = run
    for parent in parents:
        owner = _field_value(owner, parent, path)
    current, hint = _field_value(owner, name, path), field_types(type(owner))[name]
    is_none = value is None and type(None) in get_args(hint)
    if is_dataclass(current) and not is_none:
        members = ", ".join(f"{path}.{f.name}" for f in fields(current))
        remedy = f"; set one of its fields: {members}" if members else " without fields"
        raise ValueError(f"override '{path}': the field is a {type(current).__qualname__}{remedy}")
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, int | float) and not -LARGEST <= number <= LARGEST:
            raise ValueError(f"override '{path}={literal}': numbers are finite and at most {LARGEST:,}")
    example = current if isinstance(current, str) else repr(current)
    try:
        return Edit(path, None if is_none else msgspec.convert(value, hint))
    except (msgspec.ValidationError, TypeError):
        raise ValueError(f"override '{path}={literal}': expected {_describe(hint)}, e.g. {path}={example}") from None


def lacks_part(text: str, run: RunConfig) -> bool:
    """Whether a run has no field of this name, e.g. because its RandAugment is None or its model is another."""
    owner = owner_of(text, run)
    return owner is None or path_of(text).rpartition(".")[2] not in field_types(type(owner))


def owner_of(text: str, run: RunConfig) -> object | None:
    """Part of a run that should have the field of an override; None if the run has no such part."""
    owner: object = run
    for name in path_of(text).split(".")[:-1]:
        owner = getattr(owner, name, None) if is_dataclass(owner) else None
    return owner if is_dataclass(owner) else None


def value_of(path: str, run: RunConfig, *absent: object) -> object:
    """Value of a field or property; `absent`, if given, of one that the run lacks."""
    return getattr(owner_of(path, run), path.rpartition(".")[2], *absent)


def all_overridden(run: RunConfig, texts: Iterable[str]) -> RunConfig:
    """Run after all overrides. The one of the parents comes first: no other changes parents."""
    for text in sorted(texts, key=lambda text: text != FINE_TUNE):
        run = overridden(run, text)
    return run


def overridden(run: RunConfig, text: str) -> RunConfig:
    """Run after an override. A run without the field is unchanged. The parts of an ensemble change, too."""
    if text == FINE_TUNE:
        if run.optim is None:
            raise ValueError("--fine-tune: the run is only tested, not trained; name another row")
        return replace(run, model=run.model.without_initial_weights(), parents=(Parent(run=run),))
    if run.is_ensemble:
        run = replace(run, parents=tuple(replace(parent, run=overridden(parent.run, text)) for parent in run.parents))
    return run if lacks_part(text, run) else apply(run, [override(text, run)])


Config = TypeVar("Config")


def _set(owner: Config, path: list[str], value: object, full_path: str) -> Config:
    name, *rest = path
    old = _field_value(owner, name, full_path)
    new = _set(old, rest, value, full_path) if rest else value(old) if callable(value) else value
    return replace(owner, **{name: new})  # type: ignore[type-var]


def _field_value(owner: object, name: str, path: str) -> object:
    if not is_dataclass(owner):
        raise ValueError(f"'{path}': '{owner!r}' is not a config and has no fields")
    names = [f.name for f in fields(owner)]
    if name not in names:
        hint = nearest(name, names, f"it has {', '.join(names) or 'none'}")
        raise ValueError(f"'{path}': {type(owner).__qualname__} has no field '{name}'; {hint}")
    return getattr(owner, name)


def _parse(literal: str) -> object:
    try:
        return ast.literal_eval({"true": "True", "false": "False", "none": "None"}.get(literal.lower(), literal))
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # the latter two for deep nesting
        return literal


def _describe(hint: object) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_describe(option) for option in get_args(hint))
    if hint is type(None):
        return "None"
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


def changed_fields(before: RunConfig, after: RunConfig) -> dict[str, tuple[object, object]]:
    """Fields in which two runs differ: dotted path -> (before, after)."""
    changes: dict[str, tuple[object, object]] = {}

    def walk(a: object, b: object, path: str) -> None:
        if a == b:
            return
        if is_dataclass(a) and is_dataclass(b) and type(a) is type(b) and not isinstance(a, type):
            for f in fields(a):
                walk(getattr(a, f.name), getattr(b, f.name), f"{path}.{f.name}" if path else f.name)
        else:
            changes[path] = (a, b)

    walk(before, after, "")
    return changes


def brief(value: object) -> str:
    """Short text of a config value. A config is represented by the name of its class."""
    if isinstance(value, float):
        return str(without_noise(value))
    if value is None or isinstance(value, bool | int | float | str):
        return str(value)
    if isinstance(value, tuple):
        return "(" + ", ".join(map(brief, value)) + ")"
    if isinstance(value, Parent):
        return value.name
    return type(value).__qualname__.removesuffix(".Config")
