import json
from pathlib import Path

import pytest

from data.datasets.ssv2 import SSv2
from data.datasets.videos import Pictures, VideoRecord
from data.errors import MissingAnnotationError
from tests.data.files import refusal, touched

CONFIG = SSv2.Config(num_classes=3)
LABELS = {"Putting something on something": "0", "Closing something": "1", "Pulling two ends of something": "2"}
ENTRIES = [
    {"id": "11", "label": "closing box", "template": "Closing [something]", "placeholders": ["box"]},
    {"id": "7", "label": "putting a on b", "template": "Putting [something] on [something]"},
]


def written(root: Path, folder: str = ".", prefix: str = "something-something-v2-") -> Path:
    place = root / folder
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{prefix}labels.json").write_text(json.dumps(LABELS))
    (place / f"{prefix}train.json").write_text(json.dumps(ENTRIES))
    (place / f"{prefix}validation.json").write_text(json.dumps(ENTRIES[:1]))
    return touched(root, "20bn-something-something-v2/11.webm", "20bn-something-something-v2/7.MP4")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return written(tmp_path / "ssv2")


def test_official_files_with_their_videos_are_read_before_lists(root: Path) -> None:
    (root / "train.csv").write_text("7.MP4 2\n")
    videos = CONFIG.build(root, "train")
    folder = root / "20bn-something-something-v2"
    assert videos.records == (VideoRecord(str(folder / "11.webm"), 1, "11"), VideoRecord(str(folder / "7.MP4"), 0, "7"))
    assert videos.class_names == tuple(LABELS)


def test_the_labels_folder_of_the_download_is_read(root: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other", "labels", prefix="")
    assert CONFIG.build(other, "train").fingerprint == CONFIG.build(root, "train").fingerprint


def test_a_root_without_videos_is_rejected(root: Path) -> None:
    for video in (root / "20bn-something-something-v2").iterdir():
        video.unlink()
    assert "none of the 2 videos of" in refusal(lambda: CONFIG.build(root, "train"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([ENTRIES[0], ENTRIES[0]], "11 is listed 2 times; list each video once"),
        ([{"id": "7", "template": "Eating [it]"}], "entry 1 (id 7): wrong label 'Eating it'; it is none of the 3"),
        ([ENTRIES[0], {"id": "7"}], "entry 2: too few fields; an entry has 'id' and 'template'"),
        ({"id": "7"}, "should be a list of entries with 'id' and 'template'"),
    ],
)
def test_bad_entries_are_named(root: Path, content: object, message: str) -> None:
    path = root / "something-something-v2-train.json"
    path.write_text(json.dumps(content))
    assert refusal(lambda: CONFIG.build(root, "train")).startswith(f"{path}: {message}")


def test_labels_must_be_those_of_the_data_set(root: Path) -> None:
    assert "maps 3 templates to labels; ssv2 has" in refusal(lambda: SSv2.Config().build(root, "train"))
    (root / "something-something-v2-labels.json").write_text(json.dumps({**LABELS, "Eating something": "x"}))
    assert "labels.json: invalid literal" in refusal(lambda: CONFIG.build(root, "train"))


# Lists


def test_lists_of_paths_and_labels_are_read(tmp_path: Path) -> None:
    """The authors' lists of CAST have names of files below the root, and labels."""
    listed = touched(tmp_path / "listed", "11.mp4", "7.mp4")
    (listed / "train.csv").write_text("11.mp4 1\n7.mp4 0\n")
    (listed / "val.csv").write_text("7.mp4 0\n")
    videos = CONFIG.build(listed, "train")
    assert videos.records == (VideoRecord(f"{listed}/11.mp4", 1, "11.mp4"), VideoRecord(f"{listed}/7.mp4", 0, "7.mp4"))
    assert videos.class_names == ("class 0", "class 1", "class 2")
    assert CONFIG.build(listed, "test") == CONFIG.build(listed, "val") and len(CONFIG.build(listed, "val")) == 1
    (listed / "labels.json").write_text(json.dumps(LABELS))
    assert CONFIG.build(listed, "train").class_names == tuple(LABELS)
    (listed / "20bn-something-something-v2").mkdir()
    for name in ("11.mp4", "7.mp4"):
        (listed / name).rename(listed / "20bn-something-something-v2" / name)
    assert CONFIG.build(listed, "train").records[0].path == f"{listed}/20bn-something-something-v2/11.mp4"


@pytest.fixture
def pictured(tmp_path: Path) -> Path:
    """List and folders of TSM."""
    root = tmp_path / "ssv2"
    touched(root, *(f"20bn-something-something-v2-frames/{name}/000001.jpg" for name in ("11", "7")))
    (root / "train_videofolder.txt").write_text("11 5 1\n7 4 0\n")
    return root


def test_lists_of_folders_of_pictures_are_read(pictured: Path) -> None:
    folder = pictured / "20bn-something-something-v2-frames"
    assert CONFIG.build(pictured, "train").records == (
        VideoRecord(f"{folder}/11", 1, "11", None, Pictures("{:06d}.jpg", 5, 30.0)),
        VideoRecord(f"{folder}/7", 0, "7", None, Pictures("{:06d}.jpg", 4, 30.0)),
    )
    (pictured / "train.json").write_text('[{"id": "7", "template": "B"}]')
    (pictured / "labels.json").write_text('{"C": "1", "A": "0", "B": "2"}')
    assert len(CONFIG.build(pictured, "train")) == 2  # there are no videos
    (pictured / "7.webm").touch()
    assert CONFIG.build(pictured, "train").records == (VideoRecord(f"{pictured}/7.webm", 2, "7"),)
    with pytest.raises(MissingAnnotationError, match=r"or a list val_videofolder\.txt of folders of frames$"):
        CONFIG.build(pictured, "val")


def test_lists_of_folders_may_name_videos(pictured: Path) -> None:
    (pictured / "20bn-something-something-v2-frames").rename(pictured / "unused")
    touched(pictured, "videos/7.webm")
    records = CONFIG.build(pictured, "train").records
    assert records[1] == VideoRecord(f"{pictured}/videos/7.webm", 0, "7")
    assert records[0].path == f"{pictured}/20bn-something-something-v2/11.webm"  # missing
