"""Masks of a sequence for figures: made from a finished test, kept in a file, damaged files."""

from pathlib import Path

import numpy as np
import pytest

from experiments.spec.shown_sequences import ShownRun
from runner.inference.mask_strips import keep_all_strips
from runner.machine.files import StoreError
from runner.machine.resources import Resources
from runner.store.mask_strip_files import MaskStrip, held_strip, read_strip, strip_id, write_strip
from runner.store.store import RunStore
from tests.runner.mask_runs import KEPT_MASK
from tests.runner.points import carry_out

RESOURCES = Resources(devices=1)
SHOWN = ShownRun("kept", KEPT_MASK, "shapes-01", 3)


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
    assert held_strip(SHOWN, tested) is None
    assert keep_all_strips([SHOWN], tested, RESOURCES) == []
    assert "kept: masks of shapes-01 saved" in capsys.readouterr().err
    strip = held_strip(SHOWN, tested)
    assert strip is not None
    assert strip.numbers.tolist() == [0, 2, 5] and strip.frames.shape == (3, 32, 48, 3)
    assert (strip.predicted == strip.true[:1]).all() and (strip.true[2] != strip.true[0]).any()
    assert strip.record["data"] == {"name": "davis2017", "stand_in": True} and strip.record["weights"] == "own"
    assert keep_all_strips([SHOWN], tested, RESOURCES) == [] and capsys.readouterr().err == ""
    tested.publish_mask_strip(KEPT_MASK.train_id, strip_id(SHOWN))
    assert held_strip(SHOWN, RunStore(tested.results or Path())) is not None


def test_a_run_without_a_test_has_no_strip(store: RunStore) -> None:
    assert keep_all_strips([SHOWN], store, RESOURCES) == [] and held_strip(SHOWN, store) is None


def test_unknown_sequences_are_named(tested: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    (error,) = keep_all_strips([SHOWN._replace(sequence="cows")], tested, RESOURCES)
    assert "davis2017 has no test sequence 'cows'; it has shapes-00" in str(error)
    assert capsys.readouterr().err.count("no masks to show") == 1


def strip() -> MaskStrip:
    masks = np.zeros((2, 4, 6), np.uint8)
    record = dict.fromkeys(("train_id", "weights", "sequence", "commit", "hardware"), "own") | {"seed": 0, "data": {}}
    return MaskStrip(np.arange(2), np.zeros((2, 4, 6, 3), np.uint8), masks, masks, record)


def test_files_keep_everything(tmp_path: Path) -> None:
    write_strip(tmp_path / "strip.npz", strip())
    found = read_strip(tmp_path / "strip.npz")
    assert found.record == strip().record
    assert all(np.array_equal(a, b) for a, b in zip(found[:4], strip()[:4], strict=True))


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        (strip()._replace(predicted=np.zeros((2, 4, 5), np.uint8)), "frames are"),
        (strip()._replace(true=np.zeros((2, 4, 6), np.int64)), "masks are int64"),
        (strip()._replace(record={}), "its record is incomplete"),
    ],
)
def test_damaged_files_are_named_with_the_remedy(tmp_path: Path, damaged: MaskStrip, message: str) -> None:
    path = tmp_path / "strip.npz"
    write_strip(path, damaged)
    with pytest.raises(StoreError, match=rf"strip\.npz holds no masks of a sequence \({message}.*remove it"):
        read_strip(path)
    path.write_bytes(b"broken")
    with pytest.raises(StoreError, match="remove it to have it made again"):
        read_strip(path)
