"""Decoding of data sets: the files beside the runs, and tests that count listed videos as failed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from data.inspection.bad_files import BadFiles
from data.inspection.inspection import Inspection, Need
from data.synthetic.ensure import ensure
from data.video_data import VideoData
from experiments.spec.run import RunConfig
from runner.jobs.decoding import Decoding, sample
from runner.machine.resources import Resources
from runner.store.store import RunStore
from tests.runner.points import carry_out

RESOURCES = Resources(workers=0, devices=1)


@pytest.fixture
def root(small_run: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy of the ten training and ten test videos of the small run."""
    stand_in = small_run.data.dataset.stand_in
    assert stand_in is not None
    source, copy = ensure(stand_in, progress=False, workers=0), tmp_path / "data"
    for file in source.rglob("*"):
        if file.is_file():
            target = copy / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    return copy


def decoding(run: RunConfig, root: Path, store: RunStore, *, deep: bool = False) -> Decoding:
    data = replace(run.data, dataset=replace(run.data.dataset, stand_in=None))
    resources = replace(RESOURCES, data=(("kinetics400", root),))
    inspection = Inspection(Need(data=data, splits=("train", "test")), root, resources.item_lists())
    return Decoding(inspection, store, resources, deep=deep)


def videos(root: Path, split: str) -> list[Path]:
    return [root / line.rpartition(" ")[0] for line in (root / f"{split}.csv").read_text().splitlines()]


def test_bad_videos_are_listed_until_they_are_repaired(small_run: RunConfig, root: Path, store: RunStore) -> None:
    video, other = videos(root, "val")[3], videos(root, "train")[2]
    content = video.read_bytes()
    video.write_bytes(b"damaged")
    other.write_bytes(b"damaged")
    for split in ("train", "test"):
        decoding(small_run, root, store, deep=True).outcomes(split)
    listed = BadFiles.read(store.bad_files("kinetics400"))
    assert sorted(entry.name for entry in listed.entries.values()) == sorted([str(video), str(other)])
    video.write_bytes(content)
    assert not any(outcome.is_bad for outcome in decoding(small_run, root, store).outcomes("test"))
    assert [entry.name for entry in BadFiles.read(listed.path).entries.values()] == [str(other)]
    other.write_bytes(content)
    decoding(small_run, root, store).outcomes("train")
    assert not listed.path.exists()


def test_outcomes_are_kept_beside_the_runs(
    small_run: RunConfig, root: Path, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = decoding(small_run, root, store, deep=True).outcomes("test")
    assert len(json.loads(store.examinations("kinetics400").read_text())) == 10
    monkeypatch.setattr(VideoData, "examine", lambda *_: pytest.fail("decoded again"))
    assert decoding(small_run, root, store, deep=True).outcomes("test") == first


def test_a_sample_is_the_same_each_time() -> None:
    assert sample(range(10, 26), 4) == [10, 14, 18, 22]
    assert sample([3, 5], 4) == [3, 5] and sample([], 4) == []


def test_a_listed_video_counts_as_failed_in_a_test(weighted: RunConfig, store: RunStore) -> None:
    stand_in = weighted.data.dataset.stand_in
    assert stand_in is not None
    generated = ensure(stand_in, progress=False, workers=0)
    items = weighted.data.dataset.build(generated, "test")
    inspection = Inspection(Need(data=weighted.data, splits=("test",)), generated, RESOURCES.item_lists())
    listing = Decoding(inspection, store, RESOURCES, deep=True)
    outcome = listing.outcomes("test")[0]
    line = "\t".join(map(str, (*outcome.stamp, items.ids[0], "a.mp4", "damaged")))
    listing.bad_list.parent.mkdir(parents=True, exist_ok=True)
    listing.bad_list.write_text(line)
    carry_out(weighted, store, replace(RESOURCES, allow_bad=1), eval_only=True)
    metrics = store.metrics(weighted)
    assert metrics is not None and metrics["videos"] == {"evaluated": 9, "failed": 1, "missing": 0}
