"""Lists of videos with one label, or with one of each kind."""

import os
from pathlib import Path

import pytest

from data.datasets.label_lists import LabelledPath, LabelList, folder_class_names
from data.datasets.videos import VideoRecord
from data.errors import DataError

ONE, TWO = {"class": 3}, {"verb": 5, "noun": 7}
PATH = Path("lists/val.csv")


def listed(lines: list[str], classes: dict[str, int], official: int | None = None) -> LabelList:
    return LabelList(PATH, lines, "mine", classes, layout="path verb noun", official=official)


def failure(lines: list[str], classes: dict[str, int], official: int | None = None) -> str:
    with pytest.raises(DataError) as caught:
        listed(lines, classes, official)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("separator", [" ", ",", ", ", "\t", "  "])
def test_labels_follow_the_path_which_may_contain_separators(separator: str) -> None:
    lines = ["# verbs and nouns", f"a b/x,y.mp4{separator}4{separator}6", "", f"'c.mp4'{separator}0{separator}1"]
    assert listed(lines, TWO).videos == [LabelledPath("a b/x,y.mp4", (4, 6)), LabelledPath("c.mp4", (0, 1))]
    lines = [f"a b/x,y.mp4{separator}2"]
    assert listed(lines, ONE).videos == [LabelledPath("a b/x,y.mp4", 2)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.mp4 4", "too few fields in 'a.mp4 4'; a line is 'path verb noun'"),
        ("a.mp4", "too few fields in 'a.mp4'; a line is 'path verb noun'"),
        ("a.mp4 5 0", "wrong verb label '5'; mine has verb labels 0 to 4"),
        ("a.mp4 0 7", "wrong noun label '7'; mine has noun labels 0 to 6"),
        ("a.mp4 0 -1", "wrong noun label '-1'"),
    ],
)
def test_bad_lines_are_named(line: str, message: str) -> None:
    assert failure([line, "b.mp4 1 1"], TWO).startswith(f"{PATH}:1: {message}")


def test_a_list_that_is_cut_off_is_named_with_the_official_number() -> None:
    lines = [f"v{number}.mp4 0 0" for number in range(2_000)]
    assert failure([*lines, "v20"], TWO, official=9_668) == (
        f"{PATH}:2001: too few fields in 'v20'; a line is 'path verb noun'; "
        f"the list is cut off after 2,000 of officially 9,668 videos: get a complete one"
    )
    assert failure([*lines, "v20"], TWO).endswith("; the list is cut off after 2,000 videos: get a complete one")
    assert failure(["v20", *lines], TWO, official=9_668).endswith("a line is 'path verb noun'")  # not at the end


def test_paths_are_relative_to_the_first_folder_with_a_video(tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "second/b.mp4").touch()
    found = listed(["a.mp4 0 0", "b.mp4 1 2"], TWO)
    base = found.base([tmp_path / "first", tmp_path / "second"])
    assert found.records(base) == (
        VideoRecord(os.path.join(base, "a.mp4"), (0, 0), "a.mp4"),
        VideoRecord(str(tmp_path / "second/b.mp4"), (1, 2), "b.mp4"),
    )
    with pytest.raises(
        DataError, match=r"none of the 2 videos of lists/val\.csv exists, e\.g\. .*/first/a\.mp4; paths"
    ):
        found.base([tmp_path / "first"])


def test_a_class_has_the_name_of_its_folder_if_that_is_its_own() -> None:
    def names(*labelled: tuple[str, int]) -> tuple[str, ...]:
        return folder_class_names((VideoRecord("", label, path) for path, label in labelled), 3)

    assert names(("val/yoga/1.mp4", 1), ("val/yoga/2.mp4", 1)) == ("class 0", "yoga", "class 2")
    assert names(("val/1.mp4", 1), ("val/2.mp4", 0)) == ("class 0", "class 1", "class 2")
    assert names(("a/1.mp4", 1), ("b/2.mp4", 1), ("c/3.mp4", 2)) == ("class 0", "class 1", "c")
