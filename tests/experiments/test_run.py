"""Runs, their edits, overrides and ids."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field, is_dataclass, replace
from pathlib import Path

import pytest

import data
import experiments
import lightning_modules
import models
from experiments.motionformer.base import K400, SSV2
from experiments.run import RunConfig, apply, canonical, changed_fields, digest, evaluation, model, optim, override
from models.mixers.joint import JointAttention


def test_equal_runs_have_equal_ids_and_any_edit_changes_one() -> None:
    assert apply(K400, optim(epochs=35)).train_id == K400.train_id
    assert apply(K400, optim(epochs=36)).train_id != K400.train_id
    assert apply(K400, model(attention=JointAttention.Config())).train_id != K400.train_id


def test_the_test_protocol_changes_only_the_eval_id() -> None:
    edited = apply(K400, evaluation(views=1))
    assert edited.train_id == K400.train_id
    assert edited.eval_id != K400.eval_id


def test_what_a_run_starts_from_is_part_of_its_id() -> None:
    assert SSV2.start_from is not None
    assert replace(SSV2, start_from=None).train_id != SSV2.train_id


def test_a_field_added_later_with_omit_if_leaves_old_ids_alone() -> None:
    @dataclass(frozen=True)
    class Old:
        width: int = 1

    @dataclass(frozen=True)
    class New:
        width: int = 1
        depth: int = field(default=2, metadata={"omit_if": 2})

    New.__qualname__ = Old.__qualname__
    assert digest(New()) == digest(Old())
    assert digest(New(depth=3)) != digest(Old())


def test_a_field_added_to_the_run_itself_leaves_old_ids_alone() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Newer(RunConfig):
        stages: tuple[str, ...] = field(default=(), metadata={"omit_if": ()})

    newer = Newer(model=K400.model, data=K400.data)
    assert newer.train_id == K400.train_id
    assert replace(newer, stages=("second",)).train_id != K400.train_id


def test_no_two_config_classes_share_a_tag() -> None:
    """Ids tell classes by their tags alone: two classes of one tag would give two runs one id."""
    tags: dict[str, type] = {}
    for package in (models, data, lightning_modules, experiments):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith("__main__"):
                continue
            for kind in classes_in(importlib.import_module(module.name)):
                assert tags.setdefault(kind.__qualname__, kind) is kind, f"{kind} and {tags[kind.__qualname__]}"
    assert {"RunConfig", "VideoViT.Config", "DataConfig"} <= tags.keys()


def classes_in(owner: object) -> Iterator[type]:
    """The frozen dataclasses that a module, or a class in it, defines."""
    where = getattr(owner, "__module__", getattr(owner, "__name__", None))
    for member in vars(owner).values():
        if isinstance(member, type) and member.__module__ == where:
            if is_dataclass(member) and member.__dataclass_params__.frozen:  # type: ignore[attr-defined]
                yield member
            yield from classes_in(member)


@pytest.mark.parametrize("value", [Path("x"), len, {"a": 1}, object()])
def test_what_cannot_be_part_of_an_id_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be part of a run"):
        canonical(value)


def test_overrides_take_the_type_of_the_field() -> None:
    run = apply(K400, [override("optim.lr=1", K400), override("optim.epochs=3", K400)])
    assert run.optim.lr == 1.0 and isinstance(run.optim.lr, float)
    assert run.optim.epochs == 3
    nested = apply(K400, [override("optim.schedule.milestones=(1, 2)", K400)])
    assert changed_fields(K400, nested) == {"optim.schedule.milestones": ((20, 30), (1, 2))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optim.epoch=3", r"no field 'epoch'; did you mean 'epochs'\?"),
        ("optim.epochs=three", r"expected int, e\.g\. optim\.epochs=35"),
        ("optim.epochs=2.5", "expected int"),
        ("optim.epochs=True", "expected int"),
        ("optim.epochs", "has no '='"),
        ("model.attention=joint", "is a whole TrajectoryAttention.Config; set one of its fields"),
        ("model.attention.temporal=mean", "one of attention, average"),
        ("model.width.depth=3", "nothing below"),
        ("optm.epochs=3", r"did you mean 'optim'\?"),
    ],
)
def test_wrong_overrides_are_named_with_a_remedy(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        override(text, K400)
