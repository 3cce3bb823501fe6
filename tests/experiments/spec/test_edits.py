"""Edits of runs, from specs and from the command line."""

import functools
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import is_dataclass, replace

import pytest

from experiments.motionformer.base import K400, SSV2
from experiments.motionformer.tiny import TINY as RECIPE
from experiments.spec.catalog import captions, load
from experiments.spec.edits import Edit, apply, brief, changed_fields, data, evaluation, model, optim, override
from experiments.spec.ids import field_types
from experiments.spec.run import Parent, RunConfig
from experiments.spec.scales import SCALES, TINY
from lightning_modules.optim import CosineSchedule
from models.mixers.joint import JointAttention
from models.mixers.trajectory import TrajectoryAttention


def test_edits_are_applied_in_order_and_change_nothing_else() -> None:
    edited = apply(K400, (*optim(epochs=50), *optim(epochs=60), *evaluation(views=1), *data(frames=32)))
    assert changed_fields(K400, edited) == {
        "optim.epochs": (35, 60),
        "evaluation.views": (10, 1),
        "data.frames": (16, 32),
    }
    assert K400.optim is not None and K400.optim.epochs == 35


def test_functions_get_the_old_value_or_the_run_after_the_edits_before_them() -> None:
    doubled = apply(K400, [Edit("data.frames", lambda frames: 2 * frames)])
    assert changed_fields(K400, doubled) == {"data.frames": (16, 32)}

    def frames_as_epochs(run: RunConfig) -> object:
        assert run.optim is not None
        return run.optim.epochs

    by_epochs = Edit("data.frames", frames_as_epochs, of_run=True)
    edited = apply(K400, (*optim(epochs=12), by_epochs, *optim(epochs=13)))
    assert changed_fields(K400, edited) == {"data.frames": (16, 12), "optim.epochs": (35, 13)}


def test_overrides_take_the_type_of_the_field() -> None:
    run = apply(K400, [override("optim.lr=1", K400), override("optim.epochs=3", K400)])
    assert run.optim is not None
    assert run.optim.lr == 1.0 and isinstance(run.optim.lr, float)
    assert run.optim.epochs == 3
    nested = apply(K400, [override("optim.schedule.milestones=(1, 2)", K400)])
    assert changed_fields(K400, nested) == {"optim.schedule.milestones": ((20, 30), (1, 2))}


def test_optional_fields_accept_none() -> None:
    for path in ("model.init", "optim", "objective.mixup", "optim.clip_norm"):
        edit = override(f"{path}=none", K400)
        assert (edit.path, edit.value) == (path, None)
    assert override("parents=()", SSV2).value == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optim.epoch=3", r"no field 'epoch'; did you mean 'epochs'\?"),
        ("optim.epochs=three", r"expected int or None, e\.g\. optim\.epochs=35"),
        ("optim.epochs=2.5", "expected int or None"),
        ("optim.epochs=True", "expected int or None"),
        ("optim.batch_size=None", r"expected int, e\.g\. optim\.batch_size=128"),
        ("optim.epochs", "has no '='"),
        ("optim.lr=True", "expected float"),
        ("optim.lr=None", "expected float"),
        ("optim.keep=first", "expected one of last, best"),
        ("model.attention=joint", "the field is a TrajectoryAttention.Config; set one of its fields"),
        ("model.attention=None", "the field is a TrajectoryAttention.Config; set one of its fields"),
        ("model.head=None", r"the field is a TanhHead\.Config without fields$"),
        ("model.attention.temporal=mean", "one of attention, average"),
        ("model.width.depth=3", "is not a config and has no fields"),
        ("model.head.dropout=0.5", "TanhHead.Config has no field 'dropout'; it has none"),
        ("optm.epochs=3", r"did you mean 'optim'\?"),
        ("seed=3", "seeds are named with --seeds, e.g. --seeds 0,1,2"),
        ("parents=k400", r"expected tuple\[experiments.spec.run.Parent, ...\]"),
    ],
)
def test_invalid_overrides_raise_with_a_remedy(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        override(text, K400)


def test_edits_of_training_are_ignored_by_runs_without_it() -> None:
    tested = replace(K400, optim=None, parents=(Parent(run=SSV2),))
    of_training = [Edit("parents", (), only_if_trained=True)]
    of_training.append(Edit("optim", lambda run: K400.optim, only_if_trained=True, of_run=True))
    for edit in (*optim(epochs=3), override("optim.schedule.final=0.1", tested), *of_training):
        assert apply(tested, [edit]) == tested
    assert apply(SSV2, of_training[:1]) == replace(SSV2, parents=())
    assert apply(tested, [override("evaluation.views=1", tested)]).evaluation.views == 1
    with pytest.raises(ValueError, match=r"'optim\.epoch': OptimConfig has no field 'epoch'; did you mean 'epochs'"):
        override("optim.epoch=3", tested)
    assert apply(tested, [Edit("parents", ())]) == apply(K400, [Edit("optim", None)])
    (parent,) = TINY.of(tested, RECIPE).parents
    assert not parent.run.parents


def test_configs_of_one_class_are_compared_by_field_and_others_as_a_whole() -> None:
    joint, shared = JointAttention.Config(), TrajectoryAttention.Config(project_values=True)
    assert changed_fields(K400, apply(K400, model(attention=shared))) == {
        "model.attention.project_values": (False, True)
    }
    assert changed_fields(K400, apply(K400, model(attention=joint))) == {
        "model.attention": (K400.model.attention, joint)  # type: ignore[attr-defined]
    }
    assert changed_fields(K400, replace(K400, optim=None)) == {"optim": (K400.optim, None)}


def test_brief_texts_of_values() -> None:
    assert [brief(value) for value in (None, True, 3, 1e-4, "text")] == ["None", "True", "3", "0.0001", "text"]
    assert brief((1, (2.0, "a"))) == "(1, (2.0, a))"
    assert brief(JointAttention.Config()).startswith("JointAttention")
    assert brief(CosineSchedule()).startswith("CosineSchedule")
    assert brief(Parent(run=K400)) == "start" and brief(Parent(run=K400, part="spatial")) == "spatial"


def test_the_unit_of_the_length_can_be_exchanged_by_single_edits() -> None:
    run = apply(TINY.of(K400), optim(steps=7, epochs=None))
    assert run.optim is not None and run.optim.length == 7
    with pytest.raises(ValueError, match=r"optim\.epochs is 15 and optim\.steps 7"):
        apply(TINY.of(K400), optim(epochs=15, steps=7)).check()


def numeric_fields(owner: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Paths and values of the numbers, or tuples of numbers, in a config."""
    for name, hint in field_types(type(owner)).items():
        value, inner = getattr(owner, name), f"{path}{name}"
        if name in ("parents", "seed") and isinstance(owner, RunConfig):
            continue
        if is_dataclass(value):
            yield from numeric_fields(value, f"{inner}.")
        elif not isinstance(value, bool) and any(kind in str(hint) for kind in ("int", "float")):
            yield inner, value


def all_runs() -> Iterator[RunConfig]:
    """Runs of all tables at all scales."""
    for name in captions():
        for scale in SCALES.values():
            yield from (cell.run for cell in load(name).cells(scale) if cell.run is not None)


FROM_THE_END = {"model.block"}  # a negative number counts from the last one


def test_no_numeric_field_of_any_config_accepts_a_number_without_meaning() -> None:
    checked, accepted = set(), []
    for run in all_runs():
        for path, value in numeric_fields(run):
            *parents, name = path.split(".")
            owner = functools.reduce(getattr, parents, run)
            if (type(owner), name) in checked:
                continue
            checked.add((type(owner), name))
            for number in ("-1", "1e999", "-1e999", "1" + 24 * "0", "nan", "one"):
                if path in FROM_THE_END and number == "-1":
                    continue
                text = f"({number}, {number})" if isinstance(value, tuple) else number
                with suppress(ValueError):
                    apply(run, [override(f"{path}={text}", run)]).check()
                    accepted.append((path, text))
    assert len(checked) > 80 and accepted == []
