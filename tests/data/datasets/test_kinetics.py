import os
from pathlib import Path

import pytest

from data.datasets.kinetics import Kinetics
from data.errors import DataError, MissingAnnotationError

CONFIG = Kinetics.Config(num_classes=3)
CLASSES = ("air drumming", "answering questions", "massaging person's head")


def touch(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return str(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "my data"
    for place in ("train/b/one two.mp4", "train/a/UPPER.MP4", "train/c/x,y.webm"):
        touch(folder / place)
    return folder


@pytest.mark.parametrize("separator", [" ", ",", ", ", "\t"])
@pytest.mark.parametrize("suffix", ["csv", "txt"])
def test_lists_may_use_spaces_or_commas_and_paths_may_contain_them(root: Path, separator: str, suffix: str) -> None:
    lines = ["train/b/one two.mp4", "train/a/UPPER.MP4", "train/c/x,y.webm"]
    text = "\n".join(f"{path}{separator}{label}" for path, label in zip(lines, (1, 0, 2), strict=True))
    (root / f"train.{suffix}").write_text(f"{text}\n\n")
    videos = CONFIG.build(root, "train")
    assert [record.path for record in videos.records] == [str(root / path) for path in lines]
    assert [record.label for record in videos.records] == [1, 0, 2]
    assert [record.video_id for record in videos.records] == lines
    assert all(os.path.exists(record.path) for record in videos.records)


def test_paths_may_be_absolute(root: Path) -> None:
    (root / "val.csv").write_text(f"{root}/train/a/UPPER.MP4 0\n")
    assert CONFIG.build(root, "val").records[0].path == f"{root}/train/a/UPPER.MP4"


def test_roots_may_be_relative(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "val.csv").write_text("train/a/UPPER.MP4 0\n")
    monkeypatch.chdir(root.parent)
    assert CONFIG.build(Path("my data"), "val").records[0].path == f"{root}/train/a/UPPER.MP4"


@pytest.mark.parametrize("place", ["videos", "val", "."])
def test_paths_may_be_relative_to_the_usual_folders(root: Path, place: str) -> None:
    touch(root / place / "v 1.mp4")
    (root / "val.csv").write_text("v 1.mp4 0\n")
    assert CONFIG.build(root, "val").records[0].path == os.path.join(root, place, "v 1.mp4").replace("/./", "/")


@pytest.mark.parametrize("name", ["kinetics400_val_list_videos.txt", "annotations/validation.csv", "k400_val.csv"])
def test_lists_are_found_under_usual_names(root: Path, name: str) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("train/a/UPPER.MP4 2\n")
    assert CONFIG.build(root, "val").records[0].label == 2


def test_a_root_that_is_a_file_is_refused(root: Path) -> None:
    (root / "mine.txt").write_text("# three videos\ntrain/a/UPPER.MP4 2\n")
    with pytest.raises(DataError, match=r"data root .*/mine\.txt is a file; give the folder .*kinetics400=") as caught:
        CONFIG.build(root / "mine.txt", "test")
    assert one_line(caught)


def test_the_test_split_is_the_validation_split_by_default(root: Path) -> None:
    (root / "val.csv").write_text("train/a/UPPER.MP4 1\n")
    (root / "test.csv").write_text("train/a/UPPER.MP4 2\n")
    assert CONFIG.build(root, "test").records[0].label == 1
    assert Kinetics.Config(num_classes=3, test_split="test").build(root, "test").records[0].label == 2


def test_class_names_are_those_of_the_class_folders(root: Path) -> None:
    (root / "train.csv").write_text("train/b/one two.mp4 1\ntrain/a/UPPER.MP4 0\n")
    assert CONFIG.build(root, "train").class_names == ("a", "b", "class 2")


def test_the_fingerprint_depends_on_lines_and_not_on_the_folder(root: Path, tmp_path: Path) -> None:
    (root / "train.csv").write_text("train/b/one two.mp4 1\ntrain/a/UPPER.MP4 0\n")
    elsewhere = tmp_path / "elsewhere"
    root.rename(elsewhere)
    before = CONFIG.build(elsewhere, "train").fingerprint
    elsewhere.rename(root)
    assert CONFIG.build(root, "train").fingerprint == before
    (root / "train.csv").write_text("train/b/one two.mp4 1\ntrain/a/UPPER.MP4 1\n")
    assert CONFIG.build(root, "train").fingerprint != before


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """Official CSV files with a tree of class folders. The name of one folder is spelled differently."""
    header = "label,youtube_id,time_start,time_end,split,is_cc\n"
    rows = [
        "massaging person's head,--abc_def,7,17,{split},0",
        "air drumming,x-1,120,130,{split},0",
        '"answering questions",y y,0,10,{split},1',
    ]
    for split in ("train", "val"):
        (tmp_path / f"{split}.csv").write_text(header + "\n".join(rows).format(split=split) + "\n")
    touch(tmp_path / "train/massaging person's head/--abc_def_000007_000017.mp4")
    touch(tmp_path / "train/air_drumming/x-1_000120_000130.MP4")
    touch(tmp_path / "val/answering questions/y y.mkv")
    return tmp_path


def test_official_files_give_labels_in_alphabetical_order(official: Path) -> None:
    videos = CONFIG.build(official, "train")
    assert videos.class_names == CLASSES
    assert [record.label for record in videos.records] == [2, 0, 1]
    assert [record.video_id for record in videos.records] == [
        "--abc_def_000007_000017",
        "x-1_000120_000130",
        "y y_000000_000010",
    ]


def test_official_files_find_videos_in_class_folders_of_any_spelling(official: Path) -> None:
    paths = [Path(record.path).relative_to(official) for record in CONFIG.build(official, "train").records]
    assert str(paths[0]) == "train/massaging person's head/--abc_def_000007_000017.mp4"
    assert str(paths[1]) == "train/air_drumming/x-1_000120_000130.MP4"
    # The expected path, since the video is in no folder of this split.
    assert str(paths[2]) == "train/answering questions/y y_000000_000010.mp4"
    assert CONFIG.build(official, "val").records[2].path == str(official / "val/answering questions/y y.mkv")


def test_a_part_of_the_data_set_needs_the_list_of_classes(official: Path) -> None:
    config = Kinetics.Config(num_classes=4)
    with pytest.raises(DataError, match=r"names 3 classes where kinetics400 has 4; .*classes\.txt"):
        config.build(official, "train")
    (official / "classes.txt").write_text("\n".join(("abseiling", *CLASSES)) + "\n")
    assert [record.label for record in config.build(official, "train").records] == [3, 1, 2]


def one_line(caught: pytest.ExceptionInfo[DataError]) -> bool:
    return "\n" not in str(caught.value)


def test_missing_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data root .*/nowhere does not exist; .* --data kinetics400=PATH") as caught:
        CONFIG.build(tmp_path / "nowhere", "train")
    assert one_line(caught)


def test_empty_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data root .* is empty") as caught:
        CONFIG.build(tmp_path, "train")
    assert one_line(caught)


def test_root_without_annotations_says_what_to_put_there(root: Path) -> None:
    with pytest.raises(MissingAnnotationError, match=r"no annotations of the val split .* 'path label'") as caught:
        CONFIG.build(root, "val")
    assert one_line(caught)


def test_a_list_without_its_videos_is_rejected(root: Path) -> None:
    (root / "train.csv").write_text("gone/a.mp4 0\ngone/b.mp4 1\n")
    with pytest.raises(DataError, match=r"none of the 2 videos of .*train\.csv exists, e\.g\. .*gone/a\.mp4") as caught:
        CONFIG.build(root, "train")
    assert one_line(caught)


def test_an_official_file_without_its_videos_is_rejected(official: Path) -> None:
    for path in [*official.glob("*/*/*.m*"), *official.glob("*/*/*.MP4")]:
        path.unlink()
    with pytest.raises(
        DataError, match=r"none of the 3 videos of .*train\.csv exists, e\.g\. .*; the expected folder is"
    ):
        CONFIG.build(official, "train")


def test_an_empty_list_is_rejected(root: Path) -> None:
    (root / "train.csv").write_text("\n")
    with pytest.raises(DataError, match=r"train\.csv: the file is empty"):
        CONFIG.build(root, "train")


def test_a_list_that_is_not_text_is_rejected(root: Path) -> None:
    (root / "train.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match=r"train\.csv: not a text file"):
        CONFIG.build(root, "train")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train/a/UPPER.MP4", "too few fields in 'train/a/UPPER.MP4'; a line is 'path label'"),
        ("train/a/UPPER.MP4 3", "wrong label '3'; kinetics400 has labels 0 to 2"),
        ("train/a/UPPER.MP4 -1", "wrong label '-1'"),
        ("train/a/UPPER.MP4,abseiling", "wrong label 'abseiling'"),
        ("train/a/UPPER.MP4 1.5", "wrong label '1.5'"),
    ],
)
def test_bad_list_lines_are_named_by_file_and_line(root: Path, line: str, message: str) -> None:
    (root / "train.csv").write_text(f"train/b/one two.mp4 1\n{line}\n")
    with pytest.raises(DataError) as caught:
        CONFIG.build(root, "train")
    assert str(caught.value).startswith(f"{root}/train.csv:2: {message}")
    assert one_line(caught)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("abseiling,x-1,120,130,val,0", "wrong label 'abseiling'; it is none of the 3 classes of kinetics400"),
        ("air drumming,x-1", "2 fields where label,youtube_id,time_start,time_end,split,is_cc are expected"),
        ("air drumming,x-1,start,end,val,0", "'start' and 'end' should be seconds"),
    ],
)
def test_bad_official_lines_are_named_by_file_and_line(official: Path, line: str, message: str) -> None:
    (official / "classes.txt").write_text("\n".join(CLASSES))
    with (official / "val.csv").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(DataError) as caught:
        CONFIG.build(official, "val")
    assert str(caught.value) == f"{official}/val.csv:5: {message}"


def test_a_missing_column_of_an_official_header_is_named(official: Path) -> None:
    (official / "val.csv").write_text("label,youtube_id,time_start\nair drumming,x-1,120\n")
    with pytest.raises(DataError, match=r"val\.csv:1: no column time_end; the official header is"):
        CONFIG.build(official, "val")
