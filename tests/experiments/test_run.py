"""Runs, their edits, overrides and ids."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from experiments.motionformer.base import K400, SSV2
from experiments.run import apply, canonical, changed_fields, digest, evaluation, model, optim, override
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
