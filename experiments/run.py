"""A run: everything that decides a trained model and its score, the edits that change one, and its ids."""

import ast
import dataclasses
import difflib
import functools
import hashlib
import json
import sys
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Literal, Union, get_args, get_origin, get_type_hints

from data.config import DataConfig, EvalConfig
from data.datasets.epic100 import Epic100
from lightning_modules.objective import SingleLabel, VerbNoun
from lightning_modules.optim import OptimConfig
from models.trunk import VideoViT

if typing.TYPE_CHECKING:
    from lightning_modules.classifier import VideoClassifier

ID_LENGTH = 12


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One training and its evaluation, as the paper's implementation details state them."""

    model: VideoViT.Config = field(default_factory=VideoViT.Config)
    data: DataConfig
    optim: OptimConfig = field(default_factory=OptimConfig)
    evaluation: EvalConfig = field(default_factory=EvalConfig)
    objective: SingleLabel | VerbNoun = field(default_factory=SingleLabel)
    # Weights of another run to start from; equal names and shapes are copied, heads and resized embeddings are not.
    start_from: "RunConfig | None" = field(default=None, metadata={"omit_if": None})
    seed: int = 0

    @property
    def train_id(self) -> str:
        """Hash of all that decides the weights."""
        parts = {name: part for name, part in hashed_fields(self).items() if name != "evaluation" and part is not None}
        if self.start_from is not None:
            parts["start_from"] = self.start_from.train_id
        return digest(parts)

    @property
    def eval_id(self) -> str:
        """Hash of the test protocol."""
        return digest(self.evaluation)

    def build(self) -> "VideoClassifier":
        """The LightningModule, with fresh weights.

        Raises:
            ValueError: when the objective is not one of the data set's labels.
        """
        dataset = self.data.dataset
        model = self.model.build(frames=self.data.frames, crop=self.data.crop, num_classes=dataset.num_classes)
        if isinstance(self.objective, VerbNoun) and isinstance(dataset, Epic100.Config):
            return self.objective.build(model, self.optim, self.seed, num_verbs=dataset.num_verbs)
        if isinstance(self.objective, VerbNoun) or isinstance(dataset, Epic100.Config):
            raise ValueError(
                f"{dataset.name} cannot be trained for {type(self.objective).__qualname__}: "
                f"EPIC-Kitchens has a verb and a noun a video (VerbNoun), the other data sets one class (SingleLabel)"
            )
        return self.objective.build(model, self.optim, self.seed)

    def describe(self) -> dict[str, object]:
        """The whole config as JSON, for people and for the check that a run directory holds this run."""
        description = canonical(self)
        assert isinstance(description, dict)
        return description


def hashed_fields(config: object) -> dict[str, object]:
    """The fields of a config dataclass that its id depends on: all but those that equal their `omit_if`."""
    assert is_dataclass(config)
    values = {f: getattr(config, f.name) for f in fields(config)}
    return {f.name: v for f, v in values.items() if not ("omit_if" in f.metadata and v == f.metadata["omit_if"])}


def canonical(value: object) -> object:
    """JSON for a config: each dataclass tagged with its name, fields that stand at their `omit_if` left out.

    Raises:
        TypeError: for what cannot be part of an id (a path, a callable, a tensor, a dict).
    """
    if is_dataclass(value) and not isinstance(value, type):
        hints = _hints(type(value))
        members = {name: canonical(_as_hinted(member, hints[name])) for name, member in hashed_fields(value).items()}
        return {"type": type(value).__qualname__, **members}
    if isinstance(value, tuple):
        return [canonical(member) for member in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be part of a run: {value!r}")


@functools.cache
def _hints(kind: type) -> dict[str, object]:
    return get_type_hints(kind, vars(sys.modules[kind.__module__]))


def _as_hinted(value: object, hint: object) -> object:
    """A whole number where the field is a float as that float, so that equal configs are written alike."""
    if isinstance(value, tuple) and get_origin(hint) is tuple:
        return tuple(_as_hinted(member, get_args(hint)[0]) for member in value)
    return float(value) if _wants_float(hint, value) and isinstance(value, int) else value


def digest(value: object) -> str:
    """The first hexadecimal digits of the hash of a config's canonical JSON."""
    tree = {k: canonical(v) for k, v in value.items()} if isinstance(value, dict) else canonical(value)
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


@dataclass(frozen=True)
class Edit:
    """A new value for the field at a dotted path; a function is given the old value."""

    path: str
    value: object

    def apply(self, run: RunConfig) -> RunConfig:
        """The run with this field changed."""
        return _set(run, self.path.split("."), self.value, self.path)


Edits = tuple[Edit, ...]


def apply(run: RunConfig, edits: Iterable[Edit]) -> RunConfig:
    """The run with the edits made in their order."""
    for edit in edits:
        run = edit.apply(run)
    return run


def model(**values: object) -> Edits:
    """Edits of the model, e.g. `model(attention=JointAttention.Config())`."""
    return tuple(Edit(f"model.{name}", value) for name, value in values.items())


def data(**values: object) -> Edits:
    """Edits of the data, e.g. `data(frames=32)`."""
    return tuple(Edit(f"data.{name}", value) for name, value in values.items())


def optim(**values: object) -> Edits:
    """Edits of the optimisation, e.g. `optim(epochs=50)`."""
    return tuple(Edit(f"optim.{name}", value) for name, value in values.items())


def evaluation(**values: object) -> Edits:
    """Edits of the test protocol, e.g. `evaluation(views=1)`."""
    return tuple(Edit(f"evaluation.{name}", value) for name, value in values.items())


def override(text: str, run: RunConfig) -> Edit:
    """The edit that a command line override such as `optim.epochs=3` stands for, checked against a run.

    Raises:
        ValueError: when the path or the value's type is wrong for the run.
    """
    path, equals, literal = text.partition("=")
    if not equals:
        raise ValueError(f"override '{text}' has no '='; write it as path=value, e.g. optim.epochs=3")
    owner: object = run
    *parents, name = path.strip().split(".")
    for parent in parents:
        owner = _member(owner, parent, path)
    current = _member(owner, name, path)
    if path.strip().endswith("seed") and isinstance(owner, RunConfig):
        raise ValueError(f"override '{text}': seeds are named with --seeds, e.g. --seeds 0,1,2")
    hint = _hints(type(owner))[name]
    value = _parse(literal.strip())
    if is_dataclass(current) and not (value is None and _fits(value, hint)):
        members = ", ".join(f"{path}.{f.name}" for f in fields(current))
        raise ValueError(f"override '{path}' is a whole {type(current).__qualname__}; set one of its fields: {members}")
    if not _fits(value, hint):
        raise ValueError(f"override '{path}={literal}': expected {_describe(hint)}, e.g. {path}={_literal(current)}")
    return Edit(path.strip(), float(value) if _wants_float(hint, value) else value)  # type: ignore[arg-type]


Config = typing.TypeVar("Config")


def _set(owner: Config, path: list[str], value: object, whole: str) -> Config:
    name, *rest = path
    old = _member(owner, name, whole)
    new = _set(old, rest, value, whole) if rest else value(old) if callable(value) else value
    return replace(owner, **{name: new})  # type: ignore[type-var]


def _member(owner: object, name: str, path: str) -> object:
    if not is_dataclass(owner):
        raise ValueError(f"'{path}': there is nothing below '{owner!r}' to set")
    names = [f.name for f in fields(owner)]
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(names)}"
        raise ValueError(f"'{path}': {type(owner).__qualname__} has no field '{name}'; {hint}")
    return getattr(owner, name)


def _parse(literal: str) -> object:
    try:
        return ast.literal_eval({"true": "True", "false": "False", "none": "None"}.get(literal.lower(), literal))
    except (ValueError, SyntaxError):
        return literal


def _fits(value: object, hint: object) -> bool:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, option) for option in get_args(hint))
    if origin is Literal:
        return value in get_args(hint)
    if origin is tuple:
        options = get_args(hint)
        if not isinstance(value, tuple):
            return False
        kinds = [options[0]] * len(value) if options[-1] is Ellipsis else options
        return len(kinds) == len(value) and all(_fits(v, kind) for v, kind in zip(value, kinds, strict=True))
    if hint is None or hint is type(None):
        return value is None
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(hint, type) and not is_dataclass(hint) and isinstance(value, hint)


def _wants_float(hint: object, value: object) -> bool:
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return isinstance(value, int) and not isinstance(value, bool) and float in options and int not in options


def _describe(hint: object) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(_describe(option) for option in get_args(hint))
    if hint is type(None):
        return "None"
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


def _literal(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def changed_fields(before: RunConfig, after: RunConfig) -> dict[str, tuple[object, object]]:
    """Dotted path -> (before, after) of every leaf in which two runs differ."""
    changes: dict[str, tuple[object, object]] = {}

    def walk(a: object, b: object, path: str) -> None:
        if a == b:
            return
        if is_dataclass(a) and is_dataclass(b) and type(a) is type(b) and not isinstance(a, type):
            for f in dataclasses.fields(a):
                walk(getattr(a, f.name), getattr(b, f.name), f"{path}.{f.name}" if path else f.name)
        else:
            changes[path] = (a, b)

    walk(before, after, "")
    return changes
