import copyreg
import csv
import os
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.core.internals.managers import BlockManager

from data.datasets.epic100 import Epic100, frame_rate, seconds
from data.datasets.videos import Span, VideoRecord
from data.errors import DataError, MissingAnnotationError
from data.inspection.inspection import Inspection, Need
from data.item_lists import ItemLists
from data.video_data import VideoData

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
        touch(root / row[1] / "videos" / f"{row[2]}.MP4")
    return root


def write(path: Path, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])


def touch(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return str(path)


def test_the_official_files_give_segments_with_a_verb_and_a_noun(root: Path) -> None:
    videos = CONFIG.build(root, "train")
    assert videos.records == (
        VideoRecord(str(root / "P01/videos/P01_01.MP4"), (3, 3), "P01_01_0", Span(0.14, 3.37, 60)),
        VideoRecord(str(root / "P30/videos/P30_101.MP4"), (0, 5), "P30_101_7", Span(3723.04, 3725.0, 50)),
    )
    assert CONFIG.targets.classes == {"verb": 97, "noun": 300}
    assert len(videos.class_names) == 397
    assert [videos.label(0), videos.ids[1], len(videos)] == [(3, 3), "P30_101_7", 2]


def test_the_test_split_is_the_validation_split(root: Path) -> None:
    assert [record.video_id for record in CONFIG.build(root, "test").records] == ["P30_101_7"]
    assert CONFIG.build(root, "val") == CONFIG.build(root, "test")


def test_class_names_come_from_the_class_files(root: Path) -> None:
    (root / "EPIC_100_verb_classes.csv").write_text("id,key,instances,category\n0,take,\"['take']\",retrieve\n")
    (root / "EPIC_100_noun_classes.csv").write_text("id,key,instances,category\n0,tap,\"['tap']\",appliances\n")
    names = CONFIG.build(root, "train").class_names
    assert (names[0], names[1], names[97], names[98]) == ("take", "verb 1", "tap", "noun 1")


def test_published_frames_have_the_rate_of_their_year() -> None:
    assert [frame_rate(video) for video in ("P01_01", "P22_117", "P01_109")] == [60, 50, 50]


def test_times_are_read_to_the_hundredth() -> None:
    assert seconds("here", "01:02:03.45") == pytest.approx(3723.45)
    assert seconds("here", "00:00:07") == 7
    assert seconds("here", "00:01:60.00") == 120  # rounded up


@pytest.mark.parametrize(
    "timestamp",
    ["-00:00:01.00", "00:00:-1.00", "00:00:1e2", "00:00:nan", "00:00:inf", "00:00:+1", "00:75:00", "00:00:61.00",
     "00:00:01.", "00:00", "00:00:00:01", "٠٠:٠٠:٠١"],
)  # fmt: skip
def test_invalid_timestamps_are_rejected(timestamp: str) -> None:
    with pytest.raises(DataError) as caught:
        seconds("train.csv:2", timestamp)
    assert str(caught.value) == f"train.csv:2: '{timestamp}' is not a time; write it as HH:MM:SS.cc"


@pytest.mark.parametrize("layout", ["P01/rgb_frames/P01_01", "EPIC-KITCHENS/P01/rgb_frames/P01_01", "P01/P01_01",
                                    "rgb_frames/P01_01", "frames/P01/P01_01", "P01_01"])  # fmt: skip
def test_frames_are_found_in_usual_folders_and_preferred_to_videos(root: Path, layout: str) -> None:
    touch(root / layout / "frame_0000000001.jpg")
    first, second = CONFIG.build(root, "train").records
    assert first == VideoRecord(str(root / layout), (3, 3), "P01_01_0", Span(0.14, 3.37, 60))
    assert second.path.endswith(".MP4")


def test_stray_files_do_not_hide_a_folder_of_frames(root: Path) -> None:
    folder = root / "P01/rgb_frames/P01_01"
    touch(folder / "frame_0000000001.jpg")
    for number in range(100):  # the file system determines the order of a listing
        touch(folder / f".DS_Store{number or ''}")
        if next(os.scandir(folder)).name.startswith("."):
            break
    assert next(os.scandir(folder)).name.startswith(".")
    assert CONFIG.build(root, "train").records[0].path == str(folder)


@pytest.mark.parametrize(
    "layout",
    [
        "segments/P01_01_0.mp4",
        "P01/segments/P01_01_0.webm",
        "clips/P01/P01_01/P01_01_0.mp4",
        "P01/P01_01/P01_01_0.MP4",
        "videos/P01_01_0.mp4",
    ],
)
def test_the_file_of_a_segment_is_read_whole(root: Path, layout: str) -> None:
    path = touch(root / layout)
    assert CONFIG.build(root, "train").records[0] == VideoRecord(path, (3, 3), "P01_01_0", None)


@pytest.mark.parametrize("layout", ["P01/P01_01.mp4", "videos/P01_01.mp4", "P01_01.MP4", "videos/P01/P01_01.mkv"])
def test_whole_videos_are_found_in_usual_folders(root: Path, layout: str) -> None:
    (root / "P01/videos/P01_01.MP4").unlink()
    path = touch(root / layout)
    assert CONFIG.build(root, "train").records[0].path == path


@pytest.mark.parametrize("folder", ["annotations", "epic-kitchens-100-annotations"])
def test_annotations_may_be_in_their_own_folder(root: Path, folder: str) -> None:
    before = CONFIG.build(root, "train")
    (root / folder).mkdir()
    (root / "EPIC_100_train.csv").rename(root / folder / "EPIC_100_train.csv")
    assert CONFIG.build(root, "train") == before


def test_a_missing_video_has_its_published_path(root: Path) -> None:
    (root / "P01/videos/P01_01.MP4").unlink()
    assert CONFIG.build(root, "train").records[0].path == str(root / "P01/videos/P01_01.MP4")


def test_the_fingerprint_depends_on_labels_and_times_but_not_on_the_folder(root: Path, tmp_path: Path) -> None:
    before = CONFIG.build(root, "train").fingerprint
    root.rename(tmp_path / "elsewhere")
    assert CONFIG.build(tmp_path / "elsewhere", "train").fingerprint == before
    for column, value in ((5, "00:00:03.38"), (10, "4"), (12, "4")):
        changed = [*ROWS[0][:column], value, *ROWS[0][column + 1 :]]
        write(tmp_path / "elsewhere/EPIC_100_train.csv", [changed, ROWS[1]])
        assert CONFIG.build(tmp_path / "elsewhere", "train").fingerprint != before


def failure(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        CONFIG.build(root, "train")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (10, "97", "wrong verb class '97'; there are 0 to 96"),
        (12, "-1", "wrong noun class '-1'; there are 0 to 299"),
        (4, "3.2", "'3.2' is not a time; write it as HH:MM:SS.cc"),
        (4, "-00:00:00.14", "'-00:00:00.14' is not a time; write it as HH:MM:SS.cc"),
        (5, "00:00:inf", "'00:00:inf' is not a time; write it as HH:MM:SS.cc"),
        (5, "00:00:00.10", "the segment stops before it starts (0.14 to 0.10 s)"),
        (2, "", "no video_id; a row has narration_id, video_id,"),
    ],
)
def test_bad_rows_are_named(root: Path, column: int, value: str, message: str) -> None:
    write(root / "EPIC_100_train.csv", [ROWS[1], [*ROWS[0][:column], value, *ROWS[0][column + 1 :]]])
    assert failure(root).startswith(f"{root}/EPIC_100_train.csv:3: {message}")


def test_unusable_roots_give_one_line_errors(root: Path) -> None:
    for row in ROWS:
        (root / row[1] / "videos" / f"{row[2]}.MP4").unlink()
    assert "none of the videos of" in failure(root)
    write(root / "EPIC_100_train.csv", [])
    assert "the file is empty" in failure(root)
    (root / "EPIC_100_train.csv").unlink()
    with pytest.raises(MissingAnnotationError, match=r"no EPIC_100_train.csv in .*annotations"):
        CONFIG.build(root, "train")


# The pickles


def pickled(root: Path, table: object) -> Path:
    path = root / "EPIC_100_train.pkl"
    (root / "EPIC_100_train.csv").unlink(missing_ok=True)
    path.write_bytes(pickle.dumps(table))
    return path


def table_of_objects() -> pd.DataFrame:
    """Rows as in the published pickles: strings and lists as objects, and a named index."""
    table = pd.DataFrame(ROWS, columns=pd.Index(HEADER, dtype=object), dtype=object)
    index = pd.Index(table.pop("narration_id").tolist(), dtype=object, name="narration_id")
    table = table.set_axis(index, axis=0)
    for column in ("start_frame", "stop_frame", "verb_class", "noun_class"):
        table[column] = table[column].astype(int)
    table["all_nouns"] = pd.Series([["door"], ["pan", "lid"]], index=index, dtype=object)
    return table


class OldPickler(pickle.Pickler):
    """Pickler with the output of pandas 0.14.1 to 1.2, which wrote the published files."""

    def reducer_override(self, obj: object) -> object:  # pyright: ignore[reportIncompatibleMethodOverride]
        if type(obj) is not BlockManager:
            return NotImplemented
        blocks = [{"values": block.values, "mgr_locs": block.mgr_locs.as_array} for block in obj.blocks]
        state = {"axes": obj.axes, "blocks": blocks}
        values, items = (
            [block.values for block in obj.blocks],
            [obj.items.take(b.mgr_locs.as_array) for b in obj.blocks],
        )
        return copyreg.__newobj__, (BlockManager,), (obj.axes, values, items, {"0.14.1": state})  # pyright: ignore[reportAttributeAccessIssue]


def test_pickles_give_the_same_rows(root: Path) -> None:
    expected = CONFIG.build(root, "train")
    path = pickled(root, table_of_objects())
    assert CONFIG.build(root, "train") == expected
    with path.open("wb") as file:
        OldPickler(file, protocol=4).dump(table_of_objects())
    assert b"0.14.1" in path.read_bytes()
    assert CONFIG.build(root, "train") == expected


def test_the_error_of_an_unsupported_pickle_names_the_csv(root: Path) -> None:
    pickled(root, pd.DataFrame(ROWS, columns=HEADER, dtype="str"))  # pyright: ignore[reportArgumentType]
    assert "put EPIC_100_train.csv, which has the same rows, beside it" in failure(root)


def test_the_csv_is_preferred_to_the_pickle(root: Path) -> None:
    (root / "EPIC_100_train.pkl").write_bytes(b"not read")
    assert len(CONFIG.build(root, "train").records) == 2


class Shell:
    """Object that runs a command when it is unpickled."""

    def __init__(self, command: list[str]) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[list[str]]]:
        return subprocess.run, (self.command,)


def test_a_pickle_never_runs_code(root: Path, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    path = pickled(root, Shell(["touch", str(trace)]))
    assert failure(root).startswith(
        f"{path}: not a plain pickled table (it names subprocess.run); put EPIC_100_train.csv"
    )
    assert not trace.exists()


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, np.zeros(3)])
def test_a_pickle_of_something_else_is_named(root: Path, content: object) -> None:
    pickled(root, content)
    assert f"a pickled {type(content).__name__}, not a table" in failure(root)


def test_a_broken_pickle_gives_a_one_line_error(root: Path) -> None:
    pickled(root, [1]).write_bytes(b"\x80\x04broken")
    assert "put EPIC_100_train.csv, which has the same rows, beside it" in failure(root)


def test_a_segment_that_occurs_twice_is_refused(root: Path) -> None:
    write(root / "EPIC_100_train.csv", [*ROWS, ROWS[0]])
    with pytest.raises(DataError, match=r"train\.csv: P01_01_0 is listed 2 times; list each video once"):
        CONFIG.build(root, "train")


# Lists of `narration_id,verb,noun` lines with one file per segment


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    root = tmp_path / "listed"
    root.mkdir()
    (root / "train.csv").write_text("P01_01_0,3,3\nP30_101_7,0,5\n")
    (root / "val.csv").write_text("P30_101_7,0,5\n")
    for name in ("P01_01_0", "P30_101_7"):
        touch(root / f"{name}.mp4")
    return root


def test_lists_without_times_give_the_files_of_the_segments(listed: Path) -> None:
    videos = CONFIG.build(listed, "train")
    assert videos.records == (
        VideoRecord(f"{listed}/P01_01_0.mp4", (3, 3), "P01_01_0"),
        VideoRecord(f"{listed}/P30_101_7.mp4", (0, 5), "P30_101_7"),
    )
    assert [record.label for record in CONFIG.build(listed, "test").records] == [(0, 5)]
    assert len(videos.class_names) == 397


@pytest.mark.parametrize("layout", ["segments", "clips/P01", "P01/segments/P01_01"])
def test_listed_segments_may_be_in_the_usual_folders(listed: Path, layout: str) -> None:
    (listed / "P01_01_0.mp4").unlink()
    path = touch(listed / layout / "P01_01_0.MP4")
    touch(listed / "P01/videos/P01_01.MP4")  # the whole video, for which the list has no times
    assert CONFIG.build(listed, "train").records[0] == VideoRecord(path, (3, 3), "P01_01_0")


def test_official_annotations_find_the_same_files(listed: Path, root: Path) -> None:
    expected = CONFIG.build(listed, "train")
    (listed / "EPIC_100_train.csv").write_text((root / "EPIC_100_train.csv").read_text())  # is preferred
    assert CONFIG.build(listed, "train") == expected
    assert CONFIG.build(listed, "train").fingerprint == expected.fingerprint


def test_a_listed_segment_without_a_file_has_an_expected_path(listed: Path) -> None:
    (listed / "P01_01_0.mp4").unlink()
    assert CONFIG.build(listed, "train").records[0].path == f"{listed}/segments/P01_01_0.mp4"
    (listed / "P30_101_7.mp4").unlink()
    message = failure(listed)
    assert "none of the videos of" in message and "the list has no times, so that each segment is a file" in message


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("P30_101_7,0,5\nP11_2", ":2: too few fields in 'P11_2'; a line is 'narration_id,verb,noun'; the list is cut "
                                 "off after 1 of officially 67,217 videos: get a complete one"),
        ("P30_101_7,97,5\n", ":1: wrong verb label '97'; epic100 has verb labels 0 to 96"),
        ("P30_101_7,0,300\n", ":1: wrong noun label '300'; epic100 has noun labels 0 to 299"),
        ("P30_101_7,0,5\nP30_101_7,0,5\n", ": P30_101_7 is listed 2 times; list each video once"),
        ("../../P1_0,0,5\nP30_101_7,0,5\n", ": '../../P1_0' leads out of "),
        ("\n", ": the file is empty"),
    ],
)  # fmt: skip
def test_bad_lists_are_named(listed: Path, lines: str, message: str) -> None:
    (listed / "train.csv").write_text(lines)
    assert failure(listed).startswith(f"{listed}/train.csv{message}")


def test_a_short_list_is_a_warning_with_the_official_number(listed: Path) -> None:
    need = Need(data=VideoData(dataset=CONFIG), splits=("test",))
    found = next(Inspection(need, listed, ItemLists(lambda data: listed)).findings())
    assert found.severity == "warning"
    assert found.what == "1 test video listed, officially 9,668 (0.01 %)"
    assert "check that the annotation file is complete" in found.remedy
