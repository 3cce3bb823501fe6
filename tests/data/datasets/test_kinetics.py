from pathlib import Path

import pytest

from data.datasets.kinetics import Kinetics
from data.errors import MissingAnnotationError
from tests.data.files import refusal, touched

CONFIG = Kinetics.Config(num_classes=3)
CLASSES = ("air drumming", "answering questions", "massaging person's head")


@pytest.mark.parametrize("place", ["videos", "val", ".", "videos_val"])
def test_paths_may_be_relative_to_the_usual_folders(tmp_path: Path, place: str) -> None:
    touched(tmp_path, f"{place}/v 1.mp4")
    (tmp_path / "val.csv").write_text("v 1.mp4 0\n")
    assert Path(CONFIG.build(tmp_path, "val").records[0].path) == tmp_path / place / "v 1.mp4"


@pytest.mark.parametrize("name", ["val.csv", "val.txt", "kinetics400_val_list_videos.txt", "annotations/val.csv"])
def test_lists_of_pyslowfast_and_mmaction_are_found(tmp_path: Path, name: str) -> None:
    touched(tmp_path, "a/UPPER.MP4")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("a/UPPER.MP4 2\n")
    videos = CONFIG.build(tmp_path, "val")
    assert (videos.records[0].label, videos.class_names) == (2, ("class 0", "class 1", "a"))
    with pytest.raises(MissingAnnotationError, match=r"no train\.csv in .*; put a list of 'path label' lines"):
        CONFIG.build(tmp_path, "train")


def test_the_test_split_is_the_validation_split_by_default(tmp_path: Path) -> None:
    touched(tmp_path, "a.mp4")
    (tmp_path / "val.csv").write_text("a.mp4 1\n")
    (tmp_path / "test.csv").write_text("a.mp4 2\n")
    assert CONFIG.build(tmp_path, "test").records[0].label == 1
    config = Kinetics.Config(test_split="test")
    assert config.build(tmp_path, "test").records[0].label == 2 and config.tiny().test_split == "test"
    assert (config.official_size("test"), Kinetics.Config().official_size("test")) == (39_805, 19_906)


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """Official CSV files with a tree of class folders. The name of one folder is spelled differently."""
    header = "label,youtube_id,time_start,time_end,split,is_cc\n"
    rows = ["massaging person's head,--abc_def,7,17,{0},0", "air drumming,x-1,120,130,{0},0", "{1},y y,0,10,{0},0"]
    for split in ("train", "val"):
        lines = "\n".join(rows).format(split, "answering questions")
        (tmp_path / f"{split}.csv").write_text(f"{header}{lines}\n")
    touched(tmp_path, "train/massaging person's head/--abc_def_000007_000017.mp4")
    touched(tmp_path, "train/air_drumming/x-1_000120_000130.MP4")
    touched(tmp_path, "val/answering questions/y y.mkv")
    return tmp_path


def test_official_files_give_labels_in_alphabetical_order_and_find_videos_in_class_folders(official: Path) -> None:
    videos = CONFIG.build(official, "train")
    assert videos.class_names == CLASSES
    assert [record.label for record in videos.records] == [2, 0, 1]
    assert videos.ids == ("--abc_def_000007_000017", "x-1_000120_000130", "y y_000000_000010")
    paths = [str(Path(record.path).relative_to(official)) for record in videos.records]
    assert paths == [
        "train/massaging person's head/--abc_def_000007_000017.mp4",
        "train/air_drumming/x-1_000120_000130.MP4",
        "train/answering questions/y y_000000_000010.mp4",  # expected: it is in no folder of this split
    ]
    assert CONFIG.build(official, "val").records[2].path == str(official / "val/answering questions/y y.mkv")
    (official / "val.csv").rename(official / "validate.csv")  # as in the archive of DeepMind
    assert len(CONFIG.build(official, "val")) == 3


def test_a_part_of_the_data_set_needs_the_list_of_classes(official: Path) -> None:
    config = Kinetics.Config(num_classes=4)
    assert "names 3 classes where kinetics400 has 4; for a part" in refusal(lambda: config.build(official, "train"))
    (official / "classes.txt").write_text("\n".join(("abseiling", *CLASSES)) + "\n")
    assert [record.label for record in config.build(official, "train").records] == [3, 1, 2]
    assert config.names_of_classes(official)[0] == "abseiling"
    assert "names 4 classes where kinetics400 has 3" in refusal(lambda: CONFIG.build(official, "train"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("abseiling,x-1,120,130,val,0", ":5: wrong label 'abseiling'; it is none of the 3 classes of kinetics400"),
        ("air drumming,x-1", ":5: no time_start, time_end; a row has label, youtube_id, time_start, time_end"),
        ("air drumming,x-1,start,end,val,0", ": could not convert string to float: 'start'; get the file again"),
        ("air drumming,x-1,120,130,val,0", ": {0}/val/air drumming/x-1_000120_000130.mp4 is listed 2 times; list each"),
    ],
)
def test_bad_official_lines_are_named(official: Path, line: str, message: str) -> None:
    (official / "classes.txt").write_text("\n".join(CLASSES))
    with (official / "val.csv").open("a") as file:
        file.write(f"{line}\n")
    assert refusal(lambda: CONFIG.build(official, "val")).startswith(f"{official}/val.csv{message.format(official)}")
