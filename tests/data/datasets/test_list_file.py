"""Single list files in place of a data set."""

from pathlib import Path

import pytest
import torch

from data.datasets.list_file import ListFile
from data.datasets.videos import VideoList, VideoRecord
from data.errors import DataError, MissingAnnotationError
from interface.targets import ClassTarget, Targets, VerbNounTarget

ONE, TWO = ClassTarget(3), VerbNounTarget(5, 7)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a/UPPER.MP4", "b/one two.mp4", "val/c.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def videos(folder: Path, text: str, targets: ClassTarget | VerbNounTarget) -> VideoList:
    (folder / "mine.txt").write_text(text)
    return ListFile.Config(predicted=targets).build(folder / "mine.txt", "test")


def failure(folder: Path, text: str, targets: ClassTarget | VerbNounTarget) -> str:
    with pytest.raises(DataError) as caught:
        videos(folder, text, targets)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_lines_have_a_path_and_a_label(folder: Path) -> None:
    found = videos(folder, "# two videos\na/UPPER.MP4 2\nb/one two.mp4 0\n", ONE)
    assert found.records == (
        VideoRecord(f"{folder}/a/UPPER.MP4", 2, "a/UPPER.MP4"),
        VideoRecord(f"{folder}/b/one two.mp4", 0, "b/one two.mp4"),
    )
    assert found.class_names == ("b", "class 1", "a")


def test_lines_have_a_path_a_verb_and_a_noun(folder: Path) -> None:
    found = videos(folder, f"a/UPPER.MP4 4 6\n{folder}/b/one two.mp4,0,1\n", TWO)
    assert [record.label for record in found.records] == [(4, 6), (0, 1)]
    assert found.records[1].path == f"{folder}/b/one two.mp4"
    assert (found.class_names[4], found.class_names[5], len(found.class_names)) == ("verb 4", "noun 0", 12)


def named(folder: Path, text: str, targets: Targets, names: tuple[str, ...]) -> VideoList:
    (folder / "mine.csv").write_text(text)
    return ListFile.Config(predicted=targets, class_names=names).build(folder / "mine.csv", "test")


@pytest.mark.parametrize("header", ["", "path,class\n", "# first\n\nVideo label\n"])
def test_labels_may_be_the_names_of_the_classes(folder: Path, header: str) -> None:
    names = ("cats", "riding a horse", "falling, slowly")
    lines = ["a/UPPER.MP4, riding a horse", 'b/one two.mp4,"falling, slowly"', "val/c.mp4 0"]
    found = named(folder, header + "\n".join(lines), ONE, names)
    assert [(record.video_id, record.label) for record in found.records] == [
        ("a/UPPER.MP4", 1),
        ("b/one two.mp4", 2),
        ("val/c.mp4", 0),
    ]
    assert found.class_names == names
    with pytest.raises(DataError, match=r"csv:1: wrong label 'dogs'; list has labels 0 to 2, or the names .* cats$"):
        named(folder, "a/UPPER.MP4,dogs\n", ONE, names)
    with pytest.raises(DataError, match=r"csv:2: too few fields in 'cats'"):
        named(folder, "path,class\ncats\n", ONE, names)


def test_names_that_are_numbers_are_not_places(folder: Path) -> None:
    names = ("1", "10", "2")
    assert [r.label for r in named(folder, "a/UPPER.MP4 2\nb/one two.mp4,1\n", ONE, names).records] == [2, 0]
    with pytest.raises(DataError, match=r"csv:1: wrong label '0'; it is the name of a class: 1, 10, 2$"):
        named(folder, "a/UPPER.MP4 0\n", ONE, names)


def test_verbs_and_nouns_may_be_names_or_numbers(folder: Path) -> None:
    verbs = ("take", "put-on", "open", "close", "wash")
    names = (*verbs, "cup", "tap", "glass:wine", "board", "fork", "spoon", "knife")
    found = named(folder, "a/UPPER.MP4,put-on,glass:wine\nb/one two.mp4 4 fork\nval/c.mp4 take 6\n", TWO, names)
    assert [record.label for record in found.records] == [(1, 2), (4, 4), (0, 6)]


def test_a_folder_with_the_name_of_a_header_is_read(folder: Path) -> None:
    (folder / "video").mkdir()
    (folder / "video/img_00001.jpg").touch()
    assert videos(folder, "video 30 2\n", ONE).records[0].path == f"{folder}/video"


def test_any_split_but_that_of_training_is_the_list(folder: Path) -> None:
    config = ListFile.Config(predicted=ONE)
    (folder / "mine.txt").write_text("a/UPPER.MP4 2\n")
    assert config.build(folder / "mine.txt", "val") == config.build(folder / "mine.txt", "test")
    with pytest.raises(MissingAnnotationError, match=r"mine\.txt: a list has no training split"):
        config.build(folder / "mine.txt", "train")


def test_paths_may_be_relative_to_the_folder_of_the_validation_videos(folder: Path) -> None:
    assert videos(folder, "c.mp4 1\n", ONE).records[0].path == f"{folder}/val/c.mp4"


def test_lines_of_one_label_may_be_folders_of_pictures(folder: Path) -> None:
    (folder / "a/img_00001.jpg").touch()
    (record,) = videos(folder, "a 30 2\n", ONE).records
    assert (record.path, record.label, record.pictures and record.pictures.number) == (f"{folder}/a", 2, 30)
    assert videos(folder, "val/c.mp4 30 2\n", ONE).records == (VideoRecord(f"{folder}/val/c.mp4", 2, "val/c.mp4"),)


def test_unusable_lists_give_one_line_errors(folder: Path) -> None:
    assert failure(folder, "", TWO).endswith("it should contain one 'path verb noun' per line")
    assert failure(folder, "", ONE).endswith("it should contain one 'path label' per line")
    assert failure(folder, "a/UPPER.MP4 4\n", TWO).endswith("a line is 'path verb noun'")
    assert "list has verb labels 0 to 4" in failure(folder, "a/UPPER.MP4 5 0\n", TWO)
    assert "none of the 1 videos of" in failure(folder, "gone.mp4 0 0\n", TWO)
    assert "none of the 1 videos of" in failure(folder, "gone 8 0\n", ONE)
    assert "is listed 2 times" in failure(folder, "val/c.mp4 0 0\nval/c.mp4 1 0\n", TWO)
    (folder / "inner").mkdir()
    (folder / "inner/d.mp4").touch()
    assert "'../a/UPPER.MP4' leads out of" in failure(folder / "inner", "d.mp4 0\n../a/UPPER.MP4 1\n", ONE)


def test_a_list_has_the_targets_that_are_predicted() -> None:
    assert ListFile.Config(predicted=TWO).targets == TWO
    assert ListFile.Config(predicted=TWO).tiny() == ListFile.Config(predicted=TWO)


def test_targets_without_labels_are_refused() -> None:
    class Depth(Targets):
        @property
        def classes(self) -> dict[str, int]:
            return {}

        def example(self, batch_size: int, device: torch.device | str = "cpu") -> torch.Tensor:
            raise NotImplementedError

    with pytest.raises(ValueError, match=r"^data\.dataset\.predicted has no kind of label"):
        ListFile.Config(predicted=Depth())
