"""Lists of videos: the manifest, and the lists of PySlowFast, mmaction2 and TSM."""

import shutil
from pathlib import Path

import pytest

from data.datasets.kinetics import Kinetics
from data.datasets.own_videos import ListFile
from data.datasets.video_lists import ListLine, folder_class_names, frame_rates, listed_videos, parsed, picture_name
from data.datasets.videos import Pictures, Span, VideoRecord
from data.errors import DataError
from interface.targets import ClassTarget, VerbNounTarget
from tests.data.files import refusal, touched, write_frames

ONE, TWO = ListFile.Config(predicted=ClassTarget(3)), ListFile.Config(predicted=VerbNounTarget(5, 7))
KINETICS = Kinetics.Config(num_classes=3)


@pytest.mark.parametrize(
    ("text", "kinds", "expected"),
    [
        ("a b/x.mp4 2", 1, ListLine(7, "a b/x.mp4", ("2",))),
        ("a b/x.mp4\t2", 1, ListLine(7, "a b/x.mp4", ("2",))),
        ("a b/x.mp4, 2", 1, ListLine(7, "a b/x.mp4", ("2",))),
        ("'a b/x.mp4',riding a horse", 1, ListLine(7, "a b/x.mp4", ("riding a horse",))),
        ("v 1.mp4 0", 1, ListLine(7, "v 1.mp4", ("0",))),
        ("a b/x.mp4 4 6", 2, ListLine(7, "a b/x.mp4", ("4", "6"))),
        ("P01_01_0,4,6", 2, ListLine(7, "P01_01_0", ("4", "6"))),
        ("a.mp4,2,1.5,10", 1, ListLine(7, "a.mp4", ("2",), None, (1.5, 10.0))),
        ("a.mp4,4,6,0,10.25", 2, ListLine(7, "a.mp4", ("4", "6"), None, (0.0, 10.25))),
        ("air drumming/a 1 12 0", 1, ListLine(7, "air drumming/a 1", ("0",), 12)),
        ("yoga/b,7,2", 1, ListLine(7, "yoga/b", ("2",), 7)),
        ('"a/c,1.mp4","2"', 1, ListLine(7, "a/c,1.mp4", ("2",))),
        ('"a/c,1.mp4", "dogs, wet"', 1, ListLine(7, "a/c,1.mp4", ("dogs, wet",))),
        ("yoga/b,0,2", 1, None),
        ("yoga/b,seven,2", 1, None),
        ("a.mp4,2,10,1.5", 1, None),
        ("a.mp4,2,now,later", 1, None),
        ("a.mp4", 1, None),
        ("a.mp4,", 1, None),
        ("a.mp4 4", 2, None),
        (",4", 1, None),
    ],
)
def test_a_line_has_a_path_labels_and_perhaps_times_or_frames(text: str, kinds: int, expected: ListLine | None) -> None:
    assert parsed(7, text, kinds) == expected


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return touched(tmp_path, "a/UPPER.MP4", "b/one two.mp4", "videos/c.mp4")


def records(folder: Path, text: str, config: ListFile.Config = ONE, **options: object) -> tuple[VideoRecord, ...]:
    (folder / "list.csv").write_text(text)
    return listed_videos(folder / "list.csv", config, [folder, folder / "videos"], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("header", ["", "path,label\n", '"path","label"\n', "# two videos\n\nVideo label\n"])
def test_paths_are_relative_to_the_first_folder_with_a_video_or_absolute(folder: Path, header: str) -> None:
    assert records(folder, f"{header}a/UPPER.MP4 2\nb/one two.mp4,0\nc.mp4 1\n") == (
        VideoRecord(f"{folder}/a/UPPER.MP4", 2, "a/UPPER.MP4"),
        VideoRecord(f"{folder}/b/one two.mp4", 0, "b/one two.mp4"),
        VideoRecord(f"{folder}/c.mp4", 1, "c.mp4"),  # missing
    )
    assert records(folder, "c.mp4 1\n")[0].path == f"{folder}/videos/c.mp4"
    assert records(folder, f"{folder}/a/UPPER.MP4,4,6\n", TWO)[0] == VideoRecord(
        f"{folder}/a/UPPER.MP4", (4, 6), f"{folder}/a/UPPER.MP4"
    )


def test_parts_of_a_video_are_items_of_their_own(folder: Path) -> None:
    first, second = records(folder, "path,label,start,stop\na/UPPER.MP4,2,0,1.5\na/UPPER.MP4,1,1.5,10\n")
    assert first == VideoRecord(f"{folder}/a/UPPER.MP4", 2, "a/UPPER.MP4 0-1.5", Span(0.0, 1.5, 30.0))
    assert second.video_id == "a/UPPER.MP4 1.5-10"
    with pytest.raises(DataError, match="is listed 2 times"):
        records(folder, "a/UPPER.MP4,2,0,1.5\na/UPPER.MP4,1,0,1.5\n")


def test_labels_may_be_the_names_of_the_classes(folder: Path) -> None:
    names = {"class": ("cats", "riding a horse", "dogs")}
    found = records(folder, "a/UPPER.MP4, riding a horse\nb/one two.mp4,dogs\nc.mp4 0\n", names=names)
    assert [record.label for record in found] == [1, 2, 0]
    with pytest.raises(DataError, match=r"csv:1: wrong label 'horses'; list has labels 0 to 2, or the names cats"):
        records(folder, "a/UPPER.MP4,horses\n", names=names)
    names = {"class": ("1", "10", "2")}  # numbers that are names are not also places
    assert records(folder, "a/UPPER.MP4 2\n", names=names)[0].label == 2
    with pytest.raises(DataError, match=r"wrong label '0'; list has the names 1, 10, 2$"):
        records(folder, "a/UPPER.MP4 0\n", names=names)


@pytest.mark.parametrize(
    ("text", "config", "message"),
    [
        ("\n# nothing\n", ONE, ": the file is empty"),
        ("a/UPPER.MP4 0\nb/one.mp4\n", ONE, ":2: wrong fields in 'b/one.mp4'; a line is 'path label'; the list is cut"),
        ("a.mp4,0\nb.mp4,1,2,3,4\n", ONE, ":2: wrong fields in 'b.mp4,1,2,3,4'; a line is 'path,label'"),
        ("a/UPPER.MP4\nb/one two.mp4 1\n", ONE, ":1: wrong fields in 'a/UPPER.MP4'; a line is 'path label'"),
        ("a/UPPER.MP4 4\n", TWO, ":1: wrong fields in 'a/UPPER.MP4 4'; a line is 'path verb noun'"),
        ("a/UPPER.MP4 3\n", ONE, ":1: wrong label '3'; list has labels 0 to 2"),
        ("a/UPPER.MP4 -1\n", ONE, ":1: wrong label '-1'"),
        ("a/UPPER.MP4 5 0\n", TWO, ":1: wrong verb label '5'; list has verb labels 0 to 4"),
        ("a/UPPER.MP4 0 7\n", TWO, ":1: wrong noun label '7'"),
        ("a/UPPER.MP4 0\n./a/UPPER.MP4 1\n", ONE, ": "),
        ("a/UPPER.MP4 0\nb/one\0\0\0two.mp4 1\n", ONE, ": it has zero bytes, as an incomplete download"),
        ("gone.mp4 0\n", ONE, "list: none of the 1 videos of "),
        (f'"{"x," * 70_000}', ONE, ": field larger than field limit"),
        (f"{'x' * 5000} 7 2\n", ONE, "list: none of the 1 videos of "),
    ],
)
def test_unusable_lists_are_refused_in_one_line(text: str, config: ListFile.Config, message: str, folder: Path) -> None:
    found = refusal(lambda: records(folder, text, config))
    assert found.removeprefix(f"{folder}/list.csv").startswith(message) and len(found) < 900
    assert ("cut off" in found) == ("the list is cut" in message)


def test_a_class_has_the_name_of_its_folder_if_that_is_its_own() -> None:
    def names(*labelled: tuple[str, int]) -> tuple[str, ...]:
        return folder_class_names((VideoRecord("", label, path) for path, label in labelled), ClassTarget(3))

    assert names(("val/yoga/1.mp4", 1), ("val/yoga/2.mp4", 1)) == ("class 0", "yoga", "class 2")
    assert names(("val/1.mp4", 1), ("val/2.mp4", 0)) == ("class 0", "class 1", "class 2")
    assert names(("a/1.mp4", 1), ("b/2.mp4", 1), ("c/3.mp4", 2)) == ("class 0", "class 1", "c")


# Folders of pictures


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Kinetics as pictures. A class and a video have spaces in their names."""
    root = tmp_path / "k400"
    write_frames(root / "frames" / "air drumming" / "a 1", 12, "img_{:05d}.jpg")
    write_frames(root / "frames" / "yoga" / "b", 7, "img_{:05d}.jpg")
    (root / "train.txt").write_text("air drumming/a 1 12 0\nyoga/b 7 2\n\n# the end\n")
    (root / "val.txt").write_text("yoga/b 7 2\n")
    return root


def test_lists_of_folders_of_pictures_are_read(root: Path) -> None:
    videos = KINETICS.build(root, "train")
    pattern = "img_{:05d}.jpg"
    assert videos.records == (
        VideoRecord(f"{root}/frames/air drumming/a 1", 0, "air drumming/a 1", None, Pictures(pattern, 12, 30.0)),
        VideoRecord(f"{root}/frames/yoga/b", 2, "yoga/b", None, Pictures(pattern, 7, 30.0)),
    )
    assert videos.class_names == ("air drumming", "class 1", "yoga")
    (root / "annotations").mkdir()
    (root / "frames").rename(root / "train")
    (root / "train.txt").unlink()
    (root / "annotations" / "train.txt").write_text("air drumming/a 1,12,0\nyoga/b,7,2\n")
    commas = KINETICS.build(root, "train")
    assert commas.fingerprint == videos.fingerprint and commas.class_names == videos.class_names
    assert commas.records[1].path == f"{root}/train/yoga/b"


def test_a_list_of_frame_rates_is_used(root: Path) -> None:
    (root / "annotation").mkdir()
    rates = root / "annotation/train_fps.txt"
    rates.write_text("yoga/b,12\nair drumming/a 1,29.97\nother,25\n")
    records = KINETICS.build(root, "train").records
    assert [record.pictures and record.pictures.fps for record in records] == [29.97, 12.0]
    rates.write_text("yoga/b 12\n")
    assert "no frame rate of 'air drumming/a 1'; add a line" in refusal(lambda: KINETICS.build(root, "train"))
    for line in ("yoga/b,fast", "yoga/b,0", "yoga/b,nan", "yoga"):
        rates.write_text(line)
        with pytest.raises(DataError, match=r"fps\.txt:1: no frame rate in"):
            frame_rates(rates)


@pytest.mark.parametrize("name", ["img_{:05d}.jpg", "{:06d}.png", "frame_{:010d}.jpg", "image_{:05d}.jpeg"])
def test_the_names_of_pictures_are_found(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_frames(tmp_path / "a", 2, name)
    assert picture_name([str(tmp_path / folder) for folder in ("none", "empty", "a")]) == name
    (tmp_path / "a" / name.format(1)).unlink()
    with pytest.raises(DataError, match=r"pictures start with .*; they count from 1"):
        picture_name([str(tmp_path / "a")])
    write_frames(tmp_path / "b", 2, name)
    shutil.copy(tmp_path / "b" / name.format(1), tmp_path / "b" / name.format(0))
    with pytest.raises(DataError, match="they count from 1"):  # otherwise every frame would be the one after it
        picture_name([str(tmp_path / "b")])
    with pytest.raises(DataError, match="empty: no numbered pictures"):
        picture_name([str(tmp_path / "empty")])
