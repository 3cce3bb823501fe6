"""Masks of a sequence for figures: made from a finished test, kept in a file, damaged files."""

from pathlib import Path

import pytest

from experiments.spec.figure_runs import ShownRun
from runner.inference.mask_strips import keep_all_strips
from runner.machine.resources import Resources
from runner.store.kept_pictures import MaskStrip, strip_id
from runner.store.store import RunStore
from tests.runner.mask_runs import KEPT_MASK
from tests.runner.points import carry_out

RESOURCES = Resources(devices=1)
SHOWN = ShownRun("kept", KEPT_MASK, "shapes-01", 3)


def held_strip(store: RunStore) -> MaskStrip | None:
    return store.pictures(MaskStrip, strip_id(SHOWN), store.directories(SHOWN.run.train_id))


@pytest.fixture(autouse=True)
def stand_ins(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path_factory.getbasetemp() / "stand-ins"))


@pytest.fixture
def tested(store: RunStore) -> RunStore:
    """Store with a finished test."""
    carry_out(KEPT_MASK, store, RESOURCES)
    return store


def test_strips_are_those_of_the_result_files_and_are_made_once(
    tested: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert held_strip(tested) is None
    assert keep_all_strips([SHOWN], tested, RESOURCES) == []
    assert "kept: masks of shapes-01 saved" in capsys.readouterr().err
    strip = held_strip(tested)
    assert strip is not None
    assert strip.numbers.tolist() == [0, 2, 5] and strip.frames.shape == (3, 32, 48, 3)
    assert (strip.predicted == strip.true[:1]).all() and (strip.true[2] != strip.true[0]).any()
    assert strip.record["data"] == {"name": "davis2017", "stand_in": True} and strip.record["weights"] == "own"
    assert keep_all_strips([SHOWN], tested, RESOURCES) == [] and capsys.readouterr().err == ""
    tested.publish_pictures(KEPT_MASK, MaskStrip.folder, strip_id(SHOWN))
    assert held_strip(RunStore(tested.results or Path())) is not None


def test_a_run_without_a_test_has_no_strip(store: RunStore) -> None:
    assert keep_all_strips([SHOWN], store, RESOURCES) == [] and held_strip(store) is None


def test_unknown_sequences_are_named(tested: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    (error,) = keep_all_strips([SHOWN._replace(sequence="cows")], tested, RESOURCES)
    assert "davis2017 has no test sequence 'cows'; it has shapes-00" in str(error)
    assert capsys.readouterr().err.count("no masks to show") == 1
