"""Ids of configs: changes that keep the ids of trained runs, and changes that do not."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field, is_dataclass, replace
from pathlib import Path

import pytest

import data
import experiments
import interface
import lightning_modules
import models
from data.video_data import VideoData
from experiments.motionformer.base import K400
from experiments.spec.ids import ID_LENGTH, canonical, digest, hashed_fields, tag_of
from experiments.spec.run import RunConfig
from lightning_modules.optim import OptimConfig, StepSchedule
from models.motionformer.model import Motionformer


@dataclass(frozen=True)
class Leaf:
    kept: int = 1
    dropped: str = field(default="a", metadata={"omit_if": "a"})


@dataclass(frozen=True)
class Whole:
    leaf: Leaf = Leaf()
    leaves: tuple[Leaf, ...] = (Leaf(), Leaf(dropped="b"))
    absent: Leaf | None = field(default=None, metadata={"omit_if": None})
    now: int | None = field(default=3, metadata={"omit_if": None})
    """A new field can have None for the behaviour of old runs, and another default for new runs."""


def test_fields_equal_to_their_omit_if_are_omitted_at_every_level() -> None:
    leaf = {"type": "Leaf", "kept": 1}
    whole = {"type": "Whole", "leaf": leaf, "leaves": [leaf, {**leaf, "dropped": "b"}]}
    assert canonical(Whole(now=None)) == whole and canonical(Whole()) == {**whole, "now": 3}
    assert hashed_fields(Whole(absent=Leaf())).keys() == {"leaf", "leaves", "absent", "now"}


def test_new_field_with_omit_if_keeps_old_ids() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Newer(RunConfig):
        stages: tuple[str, ...] = field(default=(), metadata={"omit_if": ()})

    newer = Newer(model=K400.model, data=K400.data)
    assert newer.train_id == K400.train_id
    assert replace(newer, stages=("second",)).train_id != K400.train_id


def test_later_fields_of_recipes_are_hashed_only_if_used() -> None:
    original = {"epochs", "batch_size", "lr", "weight_decay", "optimizer", "schedule", "precision"}
    assert hashed_fields(OptimConfig()).keys() == original
    later = OptimConfig(epochs=None, steps=10, layer_decay=0.9, clip_norm=1.0, validate_every=2, keep="best")
    assert hashed_fields(later).keys() - original == {"steps", "layer_decay", "clip_norm", "validate_every", "keep"}


def test_integer_in_a_float_field_is_hashed_as_a_float() -> None:
    @dataclass(frozen=True)
    class Config:
        rate: float = 1.0
        maybe: float | None = None
        pair: tuple[float, float] = (0.0, 1.0)
        channels: float | tuple[float, float, float] = 0.5
        either: int | float = 1
        count: int = 1
        on: bool = True

    whole = Config(rate=1, maybe=2, pair=(0, 1), channels=(0, 1, 1))
    assert digest(whole) == digest(Config(rate=1.0, maybe=2.0, pair=(0.0, 1.0), channels=(0.0, 1.0, 1.0)))
    tree = canonical(whole)
    assert isinstance(tree, dict)
    assert [repr(tree[name]) for name in ("rate", "maybe", "pair")] == ["1.0", "2.0", "[0.0, 1.0]"]
    assert [repr(tree[name]) for name in ("either", "count", "on")] == ["1", "1", "True"]
    assert digest(Config(count=2)) != digest(Config()) != digest(Config(either=1.0))
    assert digest(StepSchedule(milestones=(20, 30))) == digest(StepSchedule(milestones=(20.0, 30.0)))


def test_renamed_class_keeps_its_tag() -> None:
    @dataclass(frozen=True)
    class Renamed:
        config_tag = "Leaf"
        kept: int = 1

    assert digest(Renamed()) == digest(Leaf()) != digest(Renamed(kept=2))
    assert tag_of(VideoData) == "DataConfig" and tag_of(Motionformer.Config) == "VideoViT.Config"


def test_tag_is_not_inherited() -> None:
    class Special(Motionformer.Config):
        """Adds nothing."""

    assert tag_of(Special) == Special.__qualname__ != tag_of(Motionformer.Config)


def test_papers_outside_of_the_repository_may_name_classes_alike() -> None:
    papers = ("made", "made2", "motionformer")
    kinds = [type("Net", (), {"__module__": f"experiments.{paper}.model"}) for paper in papers]
    assert [tag_of(kind) for kind in kinds] == ["made.Net", "made2.Net", "Net"]


def test_no_two_config_classes_share_a_tag() -> None:
    """In ids, a class is represented by its tag alone: with equal tags, different runs could have equal ids."""
    tags: dict[str, type] = {}
    for package in (interface, models, data, lightning_modules, experiments):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith("__main__"):
                continue
            for kind in classes_in(importlib.import_module(module.name)):
                assert tags.setdefault(tag_of(kind), kind) is kind, f"{kind} and {tags[tag_of(kind)]}"
    assert tags["VideoViT.Config"] is Motionformer.Config and tags["DataConfig"] is VideoData
    assert "RunConfig" in tags and "EvalConfig" in tags


def classes_in(owner: object) -> Iterator[type]:
    """Frozen dataclasses defined in a module or a class, except abstract ones, which are never part of an id."""
    module = getattr(owner, "__module__", getattr(owner, "__name__", None))
    for member in vars(owner).values():
        if isinstance(member, type) and member.__module__ == module:
            if (
                is_dataclass(member)
                and member.__dataclass_params__.frozen  # type: ignore[attr-defined]
                and not inspect.isabstract(member)
            ):
                yield member
            yield from classes_in(member)


def test_id_has_twelve_digits_and_ignores_the_order_of_names() -> None:
    assert len(digest({"a": 1, "b": 2})) == ID_LENGTH == 12
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})


@pytest.mark.parametrize("value", [Path("x"), len, {"a": 1}, object(), [1, 2]])
def test_values_that_cannot_be_part_of_an_id_raise(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be part of a run"):
        canonical(value)
