import csv
from pathlib import Path

import pytest

from data.datasets.epic100 import Epic100
from data.datasets.videos import Span, VideoRecord
from data.errors import MissingAnnotationError
from tests.data.files import refusal, touched

CONFIG = Epic100.Config()
HEADER = [
    *("narration_id", "participant_id", "video_id", "narration_timestamp", "start_timestamp", "stop_timestamp"),
    *("start_frame", "stop_frame", "narration", "verb", "verb_class", "noun", "noun_class"),
    *("all_nouns", "all_noun_classes"),
]
# Lines of the published files: one of the videos before 2020, one of those added in 2020.
ROWS = [
    ["P01_01_0", "P01", "P01_01", "00:00:01.089", "00:00:00.14", "00:00:03.37", "8", "202", "open door", "open", "3",
     "door", "3", "['door']", "[3]"],
    ["P30_101_7", "P30", "P30_101", "01:02:03.100", "01:02:03.04", "01:02:05.00", "186152", "186250",
     "put, then take pan", "take", "0", "pan", "5", "['pan', 'lid']", "[5, 8]"],
]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "epic"
    root.mkdir()
    write(root / "EPIC_100_train.csv", ROWS)
    write(root / "EPIC_100_validation.csv", ROWS[1:])
    for row in ROWS:
        touched(root, f"{row[1]}/videos/{row[2]}.MP4")
    return root


def write(path: Path, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])


def test_the_official_files_give_segments_with_a_verb_and_a_noun(root: Path) -> None:
    videos = CONFIG.build(root, "train")
    assert videos.records == (
        VideoRecord(str(root / "P01/videos/P01_01.MP4"), (3, 3), "P01_01_0", Span(0.14, 3.37, 60)),
        VideoRecord(str(root / "P30/videos/P30_101.MP4"), (0, 5), "P30_101_7", Span(3723.04, 3725.0, 50)),
    )
    assert CONFIG.targets.classes == {"verb": 97, "noun": 300}
    assert len(videos.class_names) == 397
    assert [videos.label(0), videos.ids[1], len(videos)] == [(3, 3), "P30_101_7", 2]


@pytest.mark.parametrize("layout", ["P01/rgb_frames/P01_01", "EPIC-KITCHENS/P01/rgb_frames/P01_01"])
def test_frames_are_preferred_to_videos(root: Path, layout: str) -> None:
    touched(root, f"{layout}/frame_0000000001.jpg")
    first, second = CONFIG.build(root, "train").records
    assert first == VideoRecord(str(root / layout), (3, 3), "P01_01_0", Span(0.14, 3.37, 60))
    assert second.path.endswith(".MP4")


@pytest.mark.parametrize("layout", ["segments/P01_01_0.mp4", "segments/P01/P01_01/P01_01_0.webm", "P01_01_0.MP4"])
def test_the_file_of_a_segment_is_read_whole(root: Path, layout: str) -> None:
    touched(root, layout)
    record = CONFIG.build(root, "train").records[0]
    assert (record.path, record.part, record.is_cut) == (f"{root}/{layout}", None, True)
    (root / layout).unlink()
    from_whole = CONFIG.build(root, "train").records[0]
    assert from_whole.part == (0.14, 3.37)
    assert from_whole.extent == record.extent  # their fingerprints are equal


@pytest.mark.parametrize("layout", ["EPIC-KITCHENS/P01/videos/P01_01.mp4", "videos/P01_01.mp4", "P01_01.MP4"])
def test_whole_videos_are_found_and_annotations_may_be_in_their_own_folder(root: Path, layout: str) -> None:
    (root / "P01/videos/P01_01.MP4").unlink()
    touched(root, layout, "epic-kitchens-100-annotations/a")
    (root / "EPIC_100_train.csv").rename(root / "epic-kitchens-100-annotations/EPIC_100_train.csv")
    assert CONFIG.build(root, "train").records[0].path == f"{root}/{layout}"


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (10, "97", "wrong verb class '97'; there are 0 to 96"),
        (12, "-1", "wrong noun class '-1'; there are 0 to 299"),
        (4, "3.2", "'3.2' is not a time; write it as HH:MM:SS.cc"),
        (5, "00:00:inf", "'00:00:inf' is not a time; write it as HH:MM:SS.cc"),
        (5, "00:00:00.10", "the segment stops before it starts (0.14 to 0.10 s)"),
    ],
)
def test_bad_rows_are_named(root: Path, column: int, value: str, message: str) -> None:
    write(root / "EPIC_100_train.csv", [ROWS[1], [*ROWS[0][:column], value, *ROWS[0][column + 1 :]]])
    assert refusal(lambda: CONFIG.build(root, "train")).startswith(f"{root}/EPIC_100_train.csv:3: {message}")


def test_unusable_roots_give_one_line_errors(root: Path) -> None:
    for row in ROWS:
        (root / row[1] / "videos" / f"{row[2]}.MP4").unlink()
    assert "none of the 2 videos of" in refusal(lambda: CONFIG.build(root, "train"))
    (root / "EPIC_100_train.csv").unlink()
    with pytest.raises(MissingAnnotationError, match=r"no EPIC_100_train.csv in .*; put the official annotation files"):
        CONFIG.build(root, "train")


# Lists of `narration_id,verb,noun` lines with one file per segment


def test_lists_without_times_give_the_files_of_the_segments(tmp_path: Path) -> None:
    listed = touched(tmp_path / "listed", "P01_01_0.mp4", "P30_101_7.mp4")
    (listed / "train.csv").write_text("P01_01_0,3,3\nP30_101_7,0,5\n")
    (listed / "val.csv").write_text("P30_101_7,0,5\n")
    videos = CONFIG.build(listed, "train")
    assert videos.records == (
        VideoRecord(f"{listed}/P01_01_0.mp4", (3, 3), "P01_01_0"),
        VideoRecord(f"{listed}/P30_101_7.mp4", (0, 5), "P30_101_7"),
    )
    assert [record.label for record in CONFIG.build(listed, "test").records] == [(0, 5)]
    assert len(videos.class_names) == 397
    (listed / "P01_01_0.mp4").unlink()
    assert CONFIG.build(listed, "train").records[0].path == f"{listed}/segments/P01_01_0.mp4"  # expected
    (listed / "P30_101_7.mp4").unlink()
    assert "none of the 2 videos of" in refusal(lambda: CONFIG.build(listed, "train"))
    (listed / "train.csv").write_text("P30_101_7,97,5\n")
    message = f"{listed}/train.csv:1: wrong verb label '97'; epic100 has verb labels 0 to 96"
    assert refusal(lambda: CONFIG.build(listed, "train")) == message


def test_a_list_may_state_paths_and_times(root: Path) -> None:
    (root / "EPIC_100_train.csv").unlink()
    (root / "train.csv").write_text("path,verb,noun,start,stop\nP01/videos/P01_01.MP4,3,3,0.14,3.37\n")
    assert CONFIG.build(root, "train").records == (
        VideoRecord(f"{root}/P01/videos/P01_01.MP4", (3, 3), "P01/videos/P01_01.MP4 0.14-3.37", Span(0.14, 3.37, 30.0)),
    )


# Class files


def test_names_and_categories_come_from_the_class_files(tmp_path: Path) -> None:
    config = Epic100.Config(num_verbs=2, num_nouns=3)
    nouns = tmp_path / "EPIC_100_noun_classes.csv"
    nouns.write_text("id,key,instances\n0,tap,\"['tap']\"\n1,plate,\"['plate', 'dish']\"\n")
    rows = ["0,tap,\"['tap']\",appliances", "1,plate,\"['plate']\",crockery", "2,knife,\"['knife']\",cutlery"]
    second = tmp_path / "EPIC_100_noun_classes_v2.csv"
    second.write_text("id,key,instances,category\n" + "\n".join([*rows, "2,blade,[],other", "3,smoke,[],air"]))
    assert config.categories(tmp_path) == {"noun": ("appliances", "crockery", "cutlery")}  # the verbs have no file
    assert Epic100.Config(num_nouns=6).categories(tmp_path) == {}  # some have none
    names = Epic100.Config(num_verbs=2, num_nouns=4).names_of_classes(tmp_path)
    assert names == ("verb 0", "verb 1", "tap", "plate", "knife", "smoke")
    (tmp_path / "annotations").mkdir()
    second.rename(tmp_path / "annotations/EPIC_100_noun_classes_v2.csv")
    assert config.categories(tmp_path) == {"noun": ("appliances", "crockery", "cutlery")}
    nouns.write_text("id,key,instances,category\n0,tap,[],a\n1,plate,[],b\n2,knife,[],c\n")
    assert config.categories(tmp_path) == {"noun": ("a", "b", "c")}
