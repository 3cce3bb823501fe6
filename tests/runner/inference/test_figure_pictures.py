"""Pictures for figures: made once from tested runs, kept and published, with the errors of single runs."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.spec.figure_runs import ShownRun
from experiments.spec.figures import AttentionQuery, ShownMasks
from experiments.spec.run import RunConfig
from models.cast.model import CAST
from runner.inference.attention import attention_maps
from runner.inference.figure_pictures import keep_all
from runner.machine.resources import Resources
from runner.store.kept_pictures import AttentionMaps, KeptPictures, MaskStrip, file_of, kept_pictures, publish_kept
from runner.store.store import RunStore
from tests.runner.mask_runs import KEPT_MASK
from tests.runner.points import carry_out
from tests.runner.stored_metrics import write_result

KeepWeights = Callable[..., None]
QUERY = AttentionQuery(video=3, frame=1, x=0.6, y=0.3)
RESOURCES = Resources(devices=1)
MASKS = ShownRun("kept", KEPT_MASK, ShownMasks("shapes-01", 3))


def kept(shown: ShownRun, store: RunStore) -> KeptPictures | None:
    return kept_pictures(shown, store.directories(shown.run.train_id))


def made_maps(run: RunConfig, store: RunStore, query: AttentionQuery = QUERY) -> AttentionMaps:
    """Maps of a tested run, which are made now."""
    shown = ShownRun("row", run, query)
    assert keep_all([shown], store, RESOURCES) == []
    found = kept(shown, store)
    assert isinstance(found, AttentionMaps)
    return found


def test_maps_are_made_once_kept_unchanged_and_published(
    weighted: RunConfig, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = ShownRun("row", weighted, QUERY)
    assert keep_all([shown], store, RESOURCES) == [] and kept(shown, store) is None  # without a test
    write_result(store, weighted)
    made, stored = attention_maps(weighted, store, RESOURCES, QUERY), made_maps(weighted, store)
    assert capsys.readouterr().err == "row: attention maps made\n"
    assert np.array_equal(stored.maps, made.maps) and np.array_equal(stored.frames, made.frames)
    assert stored.record == made.record
    file = file_of(shown, store.run(weighted.train_id))
    before = file.read_bytes(), file.stat().st_mtime_ns
    assert keep_all([shown], store, RESOURCES) == [] and capsys.readouterr().err == ""
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    publish_kept(shown, store)
    shutil.rmtree(store.root)
    assert isinstance(kept(shown, store), AttentionMaps)


def test_maps_use_released_weights_only_if_the_run_has_no_other_weights(
    small_run: RunConfig, store: RunStore, keep_weights: KeepWeights
) -> None:
    keep_weights(small_run, released=True)
    write_result(store, small_run, released=True)
    record = made_maps(small_run, store).record
    assert record["weights"] == "k400.pyth" and record["released_weights"]["sha256"] == "0123"
    keep_weights(small_run)
    write_result(store, small_run)
    assert made_maps(small_run, store).record["weights"] == "trained"


def test_maps_of_several_attentions_are_kept_side_by_side(
    small_run: RunConfig, store: RunStore, keep_weights: KeepWeights
) -> None:
    run = replace(small_run, model=CAST.Config().tiny())
    keep_weights(run)
    write_result(store, run)
    for name in ("t2s", "s2t"):
        assert made_maps(run, store, replace(QUERY, attention=name)).record["attention"] == name


def test_an_error_in_one_run_does_not_stop_the_others(
    weighted: RunConfig, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = replace(weighted, seed=2)
    for run in (weighted, lost):
        write_result(store, run)
    shown = [ShownRun("lost", lost, QUERY), ShownRun("done", weighted, QUERY)]
    (error,) = keep_all(shown, store, RESOURCES)
    assert isinstance(error, ValueError)
    messages = [f"reproduce: lost: no attention maps: {error}", "done: attention maps made"]
    assert capsys.readouterr().err.splitlines() == messages
    assert len(list(store.root.rglob("attention_maps/*.npz"))) == 1


@pytest.fixture
def tested(store: RunStore, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """Store with a finished test that has written masks."""
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path_factory.getbasetemp() / "stand-ins"))
    carry_out(KEPT_MASK, store, RESOURCES)
    return store


def test_strips_are_those_of_the_result_files_and_are_made_once(
    tested: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kept(MASKS, tested) is None
    assert keep_all([MASKS], tested, RESOURCES) == []
    assert "kept: mask strips made" in capsys.readouterr().err
    strip = kept(MASKS, tested)
    assert isinstance(strip, MaskStrip)
    assert strip.numbers.tolist() == [0, 2, 5] and strip.frames.shape == (3, 32, 48, 3)
    assert (strip.predicted == strip.true[:1]).all() and (strip.true[2] != strip.true[0]).any()
    assert strip.record["data"] == {"name": "davis2017", "stand_in": True} and strip.record["weights"] == "own"
    assert keep_all([MASKS], tested, RESOURCES) == [] and capsys.readouterr().err == ""
    publish_kept(MASKS, tested)
    assert kept(MASKS, RunStore(tested.results or Path())) is not None


def test_unknown_sequences_are_named(tested: RunStore) -> None:
    (error,) = keep_all([MASKS._replace(shown=ShownMasks("cows", 3))], tested, RESOURCES)
    assert "davis2017 has no test sequence 'cows'; it has shapes-00" in str(error)
