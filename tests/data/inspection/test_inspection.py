"""Inspection of a data set: each kind of finding, and decoded videos."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from data.config import DataConfig, Split, VideoFacts
from data.datasets.epic100 import Epic100
from data.datasets.folders import VIDEO_SUFFIXES
from data.datasets.kinetics import Kinetics
from data.decoded_files import Decoded, Stamp
from data.inspection.findings import Finding
from data.inspection.inspection import Inspection, Need, files_below, video_findings
from data.item_lists import ItemLists
from data.video_data import VideoData
from tests.data.files import touched

DATA = VideoData(dataset=Kinetics.Config(name="kinetics", num_classes=2))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four training and two test videos of two classes with names."""
    for split, lines in (("train", ["dance/a", "dance/b", "jump/c", "jump/d"]), ("val", ["dance/e", "jump/f"])):
        for line in lines:
            path = tmp_path / split / f"{line}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"a video")
        text = "".join(f"{split}/{line}.mp4 {int(line.startswith('jump'))}\n" for line in lines)
        (tmp_path / f"{split}.csv").write_text(text)
    return tmp_path


def inspected(
    root: Path, data: DataConfig = DATA, allow_bad: int | None = None, splits: tuple[Split, ...] = ("train", "test")
) -> Inspection:
    need = Need(data=data, splits=splits, allow_bad=allow_bad, short_side=32)
    return Inspection(need, root, ItemLists(lambda _: root))


def problems(inspection: Inspection) -> list[Finding]:
    return [finding for finding in inspection.findings() if finding.severity != "ok"]


def test_a_complete_data_set_has_no_problems(root: Path) -> None:
    found = list(inspected(root).findings())
    assert {finding.severity for finding in found} == {"ok"} and {finding.subject for finding in found} == {"kinetics"}
    texts = [finding.what for finding in found]
    assert texts[:4] == [
        f"4 train videos listed in {root}",
        f"2 test videos listed in {root}",
        "all 2 classes have names",
        "no video is listed twice, or in both splits",
    ]
    assert "all files of the 4 train videos are there" in texts and "every video file is in a list" in texts


@pytest.mark.parametrize(("allow_bad", "severity"), [(None, "error"), (1, "error"), (2, "warning")])
def test_missing_videos_are_an_error_beyond_the_accepted_number(
    root: Path, allow_bad: int | None, severity: str
) -> None:
    (root / "train/dance/b.mp4").unlink()
    (root / "train/jump/d.mp4").unlink()
    (root / "train/jump/d.mp4").symlink_to(root / "nowhere.mp4")
    (found,) = problems(inspected(root, allow_bad=allow_bad))
    assert found.severity == severity
    assert found.what.startswith(f"2 of 4 train videos are missing, e.g. {root}/train/dance/b.mp4; a run accepts ")
    assert found.remedy == "get them, or raise the limit with --allow-bad 2"


def listed(root: Path, split: str, *lines: str) -> None:
    (root / f"{split}.csv").write_text("".join(f"{split}/{line}\n" for line in lines))


# Changes of the complete data set, and the first finding that is no "ok".
CHANGES: tuple[tuple[Callable[[Path], object], str, str], ...] = (
    (lambda root: (root / "val/jump/f.mp4").write_bytes(b""), "warning", "1 test file of 0 bytes, e.g. {0}/val/jump/f"),
    (lambda root: (root / "train/jump/z.webm").touch(), "warning", "1 video file in no list, e.g. train/jump/z.webm"),
    (lambda root: listed(root, "train", "dance/a.mp4 2"), "error", "{0}/train.csv:1: wrong label '2'"),
    (lambda root: listed(root, "train", *2 * ["dance/a.mp4 0"]), "error", "{0}/train.csv: {0}/train/dance/a.mp4 is"),
    (
        lambda root: listed(root, "val", "dance/e.mp4 0", "leap/f.mp4 1"),
        "error",
        "class 1 is 'jump' in train and 'leap'",
    ),
    (
        lambda root: (root / "train.csv").write_text((root / "train.csv").read_text() + "val/jump/f.mp4 1\n"),
        "warning",
        "1 video in the training and in the test split, e.g. val/jump/f.mp4",
    ),
)


@pytest.mark.parametrize(("change", "severity", "what"), CHANGES)
def test_each_kind_of_problem_is_found(change: Callable[[Path], object], severity: str, what: str, root: Path) -> None:
    (root / "train/jump/readme.txt").touch()  # no video
    change(root)
    found = problems(inspected(root))[0]
    assert found.severity == severity and found.what.startswith(what.format(root)) and found.remedy


def test_numbers_of_items_stand_beside_the_official_ones(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kinetics.Config, "official_sizes", {"kinetics": {"train": 5, "val": 2}})
    (found,) = problems(inspected(root))
    assert found.what == "4 train videos listed, officially 5 (80.00 %)" and found.remedy
    assert any(finding.what.endswith("as officially") for finding in inspected(root).findings())


def test_labels_in_another_order_than_that_of_the_names_are_a_warning(root: Path) -> None:
    for split in ("train", "val"):
        lines = (root / f"{split}.csv").read_text().splitlines()
        (root / f"{split}.csv").write_text("\n".join(f"{line[:-1]}{1 - int(line[-1])}" for line in lines))
    (found,) = problems(inspected(root))
    assert found.severity == "warning" and "0 is 'jump', 1 is 'dance'" in found.what


def test_classes_without_names_or_items_are_warnings(root: Path) -> None:
    data = replace(DATA, dataset=Kinetics.Config(name="kinetics", num_classes=3))
    names, train, test = problems(inspected(root, data))
    assert names.what == "1 of 3 classes have no name, e.g. 'class 2'"
    assert names.remedy == f"put classes.txt into {root}"
    assert train.what == "1 of 3 class labels have no train videos, e.g. 2" and "test videos, e.g. 2" in test.what


def test_segments_of_one_video_are_no_duplicates(tmp_path: Path) -> None:
    header = "narration_id,video_id,start_timestamp,stop_timestamp,verb_class,noun_class"
    for split, start in (("train", 1), ("validation", 4)):
        rows = [f"{split}_{n},P01_01,00:00:0{start + n}.00,00:00:0{start + n + 1}.00,{n},0" for n in range(2)]
        (tmp_path / f"EPIC_100_{split}.csv").write_text("\n".join([header, *rows]))
    video = tmp_path / "P01/videos/P01_01.MP4"
    video.parent.mkdir(parents=True)
    video.write_bytes(b"a video")
    data = VideoData(dataset=Epic100.Config(num_verbs=2, num_nouns=1))
    found = list(inspected(tmp_path, data).findings())
    unnamed = next(finding for finding in found if "have no name" in finding.what)
    assert "EPIC_100_verb_classes.csv" in unnamed.remedy
    assert not any("training and in the test split" in finding.what for finding in found)


def outcomes(*facts: VideoFacts | str) -> list[Decoded]:
    good, bad = Decoded(Stamp(1, 1), "a"), Decoded(Stamp(1, 1), "a", "/data/a.mp4")
    return [bad._replace(reason=fact) if isinstance(fact, str) else good._replace(facts=fact) for fact in facts]


def test_decoded_videos_give_short_sides_and_frame_rates(root: Path) -> None:
    found = outcomes(VideoFacts(9, 30.0, 31), VideoFacts(9, 25.0, 64), VideoFacts(9, 29.97, 48))
    decoded, sides, rates = video_findings(inspected(root), "train", found, root / "list.txt")
    assert decoded == Finding("ok", "kinetics", "3 train videos decoded")
    assert sides.severity == "warning"
    assert sides.what == "train: short sides 31 to 64, median 48; 1 of 3 are below the 32 of the test"
    assert rates.what.startswith("train: frames per second 25 to 30, median 29.97; 1 of 3 differ from 30")


@pytest.mark.parametrize("side", [256, 320, 1080])
def test_a_prepared_copy_is_proposed_of_large_videos_alone(root: Path, side: int) -> None:
    found = outcomes(*[VideoFacts(200_000, 30.0, side)] * 3)
    proposed = [one for one in video_findings(inspected(root), "train", found, root / "list.txt") if one.remedy]
    assert len(proposed) == (side == 1080)
    if proposed:
        assert proposed[0].what.startswith("train: frames have 18 times the pixels that a copy of short side 256 has")
        assert proposed[0].remedy == "`reproduce prepare kinetics` writes one, of about 3.5 GB"


@pytest.mark.parametrize(("allow_bad", "severity"), [(None, "error"), (1, "warning")])
def test_videos_that_cannot_be_decoded_name_the_list(root: Path, allow_bad: int | None, severity: str) -> None:
    found = outcomes("cut short", VideoFacts(9, 30.0, 48))
    bad, *_ = video_findings(inspected(root, allow_bad=allow_bad), "train", found, root / "list.txt")
    assert bad.severity == severity
    assert bad.what == "1 of 2 train videos cannot be decoded, e.g. /data/a.mp4: cut short"
    assert f"listed in {root}/list.txt" in bad.remedy and ("--allow-bad N" in bad.remedy) == (severity == "error")
    (root / "train/jump/d.mp4").unlink()
    bad, *_ = video_findings(inspected(root, allow_bad=1), "train", found, root / "list.txt")
    assert "2 of 4, with those missing, are more than the 1 that a run accepts (--allow-bad N)" in bad.remedy


def test_video_files_are_found_through_links_without_folders_of_frames(tmp_path: Path) -> None:
    names = ("train/a b/1.mp4", "train/a b/note.txt", "frame_of.mp4", "../elsewhere/3.WEBM", "P01/frame_0000000001.jpg")
    root = touched(tmp_path / "root", *names)
    (root / "val").symlink_to(tmp_path / "elsewhere")
    (root / "train/up").symlink_to(root)
    (root / "train/broken.mp4").symlink_to(root / "nothing")
    expected = [f"{root}/frame_of.mp4", f"{root}/train/a b/1.mp4", f"{root}/val/3.WEBM"]
    videos, unreadable = files_below(root, VIDEO_SUFFIXES)
    assert (sorted(videos), unreadable) == (expected, [])


def test_folders_that_cannot_be_listed_are_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str | Path) -> object:
        if str(path).endswith("train/dance"):
            raise PermissionError(path)
        return scandir(path)

    monkeypatch.setattr("data.inspection.inspection.os.scandir", refuse)
    found = problems(inspected(root))[0]
    assert (found.severity, found.what) == ("error", f"1 folder cannot be listed, e.g. {root}/train/dance")
