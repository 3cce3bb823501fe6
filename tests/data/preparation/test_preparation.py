"""Copies of whole data sets: what their readers find, what a kill leaves, and what is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from data.config import Split
from data.datasets.kinetics import Kinetics
from data.datasets.videos import VideoDataset, VideoList, VideoRecord
from data.fingerprint import fingerprint_in
from data.preparation.preparation import RECORD, UNREADABLE, Preparation, named
from data.video.frame_sources import examined, opened
from data.video_data import VideoData
from tests.data.files import refusal
from tests.data.numbered_videos import write_video
from tests.data.small_stand_ins import DATASETS, folder, root_of

SPLITS: tuple[Split, ...] = ("train", "test")
OF_VIDEOS = ("kinetics400", "ssv2", "epic100", "penn-action", "ntu60", "gym99")


@pytest.fixture
def of(kinetics_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Preparation:
    """Preparation of a list of 27 videos."""
    out = tmp_path_factory.mktemp("copy") / "k400"
    return Preparation(reader=Kinetics.Config(num_classes=3), root=kinetics_root, out=out, short_side=24)


@cache
def copied(name: str) -> Preparation:
    """Preparation of a copy of generated data that is complete, which no test may change."""
    reader = DATASETS[name]
    assert isinstance(reader, VideoDataset)
    of = Preparation(reader=reader, root=root_of(name), out=folder() / "copies" / name, short_side=24)
    assert write_all(of) == {}
    return of


def write_all(of: Preparation, workers: int = 2) -> dict[str, str]:
    return of.write(of.targets(of.records()), workers)


def videos(of: Preparation, root: Path, split: Split) -> VideoList:
    return of.reader.build(root, split)


@pytest.mark.parametrize("name", OF_VIDEOS)
def test_a_reader_finds_the_same_items_with_the_same_frames_and_times(name: str) -> None:
    of = copied(name)
    for split in SPLITS:
        source, copy = (videos(of, root, split) for root in (of.root, of.out))
        assert copy.fingerprint == source.fingerprint and copy.class_names == source.class_names
        for one, other in zip(source.records, copy.records, strict=True):
            assert Path(other.path).is_relative_to(of.out)
            with opened(one) as before, opened(other) as after:
                assert after.timeline.fps == before.timeline.fps
                assert after.timeline.times.tolist() == pytest.approx(before.timeline.times.tolist(), abs=1e-9)
                assert min(after.frames([0]).shape[-2:]) == 24
    assert not (of.out / UNREADABLE).exists()


def test_segments_of_long_videos_and_of_their_pictures_become_files() -> None:
    of = copied("epic100")
    ids = {record.video_id for split in SPLITS for record in videos(of, of.root, split).records}
    assert {path.name for path in (of.out / "segments").iterdir()} == {f"{one}.mp4" for one in ids}
    assert not [*of.out.glob("P*")]


def test_a_copy_of_the_data_differs_from_them_by_the_sizes_of_its_files_alone() -> None:
    of = copied("kinetics400")
    source, copy = (fingerprint_in(VideoData(dataset=of.reader), root) for root in (of.root, of.out))
    assert copy.annotations == source.annotations and copy.test.files != source.test.files
    assert copy.copy == "prepared: h264 in mp4, groups of 4, short side 24 (13 videos)"
    record = json.loads((of.out / RECORD).read_text())
    assert (record["data"], record["source"], record["short_side"]) == ("kinetics400", of.root.name, 24)
    assert (record["videos"], record["unreadable"]) == (39, 0)


COMMAND = """
from pathlib import Path
from data.datasets.kinetics import Kinetics
from data.preparation.preparation import Preparation

of = Preparation(reader=Kinetics.Config(num_classes=3), root=Path({root!r}), out=Path({out!r}), short_side=24)
of.write(of.targets(of.records()), 2)
"""


def test_a_killed_preparation_leaves_whole_files_and_goes_on(of: Preparation) -> None:
    targets = of.targets(of.records())
    code = COMMAND.format(root=str(of.root), out=str(of.out))
    command = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[3], start_new_session=True)
    while not written(of.out):
        time.sleep(0.01)
        assert command.poll() is None
    os.killpg(command.pid, signal.SIGKILL)
    command.wait()
    first = {path: path.stat().st_mtime_ns for path in written(of.out)}
    for path in first:
        assert examined(VideoRecord(str(path), 0, path.name)).short_side == 24
    assert of.write(targets, 2) == {}
    assert len(written(of.out)) == len(targets) and not [*of.out.rglob("*.partial")]
    assert {path: path.stat().st_mtime_ns for path in first} == first


def written(out: Path) -> list[Path]:
    return [*out.rglob("*.mp4")]


def test_unreadable_and_missing_videos_are_listed_with_their_reason_until_they_are_there(of: Preparation) -> None:
    whole = (of.root / "train/0.mp4").read_bytes()
    (of.root / "train/0.mp4").write_bytes(whole[:2000])
    (of.root / "val/1.mp4").unlink()
    reasons = write_all(of)
    assert reasons.keys() == {"train/0.mp4", "val/1.mp4"} and reasons["val/1.mp4"] == "no such file"
    lines = (of.out / UNREADABLE).read_text().splitlines()
    assert lines == [f"{target}\t{reasons[target]}" for target in ("train/0.mp4", "val/1.mp4")]
    (of.root / "train/0.mp4").write_bytes(whole)
    some = {target: record for target, record in of.targets(of.records()).items() if target.startswith("train")}
    assert of.write(some, 1) == {}
    assert (of.out / UNREADABLE).read_text() == f"{lines[1]}\n"  # this command did not try it


def test_a_list_of_ids_selects_videos(of: Preparation, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("val/1.mp4\ntrain/3.mp4\n")
    assert of.targets(named(of.records(), ids)).keys() == {"val/1.mp4", "train/3.mp4"}
    ids.write_text("val/1.mp4\nval/77.mp4\n")
    assert "ids.txt:2: no list names a video val/77.mp4" in refusal(lambda: named(of.records(), ids))


def test_parts_of_a_listed_file_are_read_from_its_whole_copy(tmp_path: Path) -> None:
    root = tmp_path / "k400"
    write_video(root / "long.mp4", 60)
    for split, lines in {"train": "long.mp4,0,0,1\nlong.mp4,1,1,2\n", "val": "long.mp4,0,0.5,1.5\n"}.items():
        (root / f"{split}.csv").write_text(lines)
    of = Preparation(reader=Kinetics.Config(num_classes=3), root=root, out=tmp_path / "copy", short_side=24)
    write_all(of, 1)
    assert len(written(of.out)) == 1
    assert videos(of, of.out, "train").fingerprint == videos(of, root, "train").fingerprint


@pytest.mark.parametrize("kind", ["outside", "absolute", "relative to the folder above"])
def test_lists_whose_paths_leave_the_folder_are_refused(kind: str, tmp_path: Path) -> None:
    root = tmp_path / "k400"
    root.mkdir()
    video = write_video((tmp_path if kind == "outside" else root) / "0.mp4", 4)
    path = {"outside": "../0.mp4", "absolute": str(video), "relative to the folder above": "k400/0.mp4"}[kind]
    (root / "val.csv").write_text(f"{path} 0\n")
    of = Preparation(reader=Kinetics.Config(num_classes=3), root=root, out=tmp_path / "copy", short_side=24)
    assert "list paths relative to it" in refusal(of.records)


def test_a_folder_with_a_copy_of_other_settings_is_refused(of: Preparation) -> None:
    of.write({}, 1)
    message = refusal(lambda: replace(of, short_side=32).write({}, 1))
    assert f"{of.out / RECORD}: short_side is 24, not 32; name another folder with --out" in message


def test_annotations_alone_are_copied_beside_the_videos(of: Preparation) -> None:
    (of.root / "labels").mkdir()
    (of.root / "labels/classes.txt").write_text("a\nb\nc\n")
    (of.root / "archive.tar.gz").write_text("large")
    for _ in range(2):
        of.write({}, 1)
        assert {str(path.relative_to(of.out)) for path in of.out.rglob("*.*")} == {
            "labels/classes.txt", "train.csv", "val.csv", RECORD,
        }  # fmt: skip
    (of.root / "val.csv").write_text("val/0.mp4 1\n")
    of.write({}, 1)
    assert (of.out / "val.csv").read_text() == "val/0.mp4 1\n"
