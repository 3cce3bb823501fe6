"""One's own videos: lists, folders with their layouts, classes and split, and files without labels."""

from pathlib import Path

import pytest

from data.datasets.own_videos import ListFile, UnlabelledVideos, VideoFolder
from data.errors import DataError, MissingAnnotationError
from interface.targets import ClassTarget, VerbNounTarget
from tests.data.files import touched


def ids(config: VideoFolder.Config, split: str) -> list[str]:
    return list(config.build(config.own_folder, split).ids)  # type: ignore[arg-type]


def with_lists(folder: Path, train: str, val: str, classes: str) -> Path:
    """Folder of three videos with lists. An empty text has no file."""
    for name, text in (("train.csv", train), ("val.csv", val), ("classes.txt", classes)):
        if text:
            (folder / name).write_text(text)
    return touched(folder, "a.mp4", "b.mp4", "c.mp4")


def test_classes_are_the_folders_and_a_fifth_of_each_is_set_aside(tmp_path: Path) -> None:
    names = [f"{kind}/{number}.mp4" for kind in ("dogs", "cats") for number in range(10)]
    config = VideoFolder.Config.of(touched(tmp_path / "pets", *names, "dogs/notes.txt", ".git/x.mp4", "dogs/.a.mp4"))
    assert (config.name, config.class_names, config.targets) == ("pets", ("cats", "dogs"), ClassTarget(2))
    train, test = ids(config, "train"), ids(config, "test")
    assert sorted([*train, *test]) == sorted(names) and len(test) == 4
    assert sum(name.startswith("cats") for name in test) == 2
    assert ids(config, "val") == test
    videos = config.build(config.own_folder, "train")
    assert {(record.label, Path(record.path).parent.name) for record in videos.records} == {(0, "cats"), (1, "dogs")}


def test_linked_folders_are_read_once(tmp_path: Path) -> None:
    names = ("pets/cats/a.mp4", "pets/cats/b.mp4", "elsewhere/in/c.mp4", "elsewhere/d.mp4")
    pets = touched(tmp_path, *names) / "pets"
    (pets / "cats/more").symlink_to(tmp_path / "elsewhere")
    (pets / "birds").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/in/up").symlink_to(tmp_path / "elsewhere")
    config = VideoFolder.Config.of(pets)
    found = ["birds/d.mp4", "birds/in/c.mp4", "cats/a.mp4", "cats/b.mp4", "cats/more/d.mp4", "cats/more/in/c.mp4"]
    assert sorted([*ids(config, "train"), *ids(config, "test")]) == found


def test_the_split_does_not_depend_on_the_place_of_the_folder(tmp_path: Path) -> None:
    names = [f"{kind}/{number}.mp4" for kind in "ab" for number in range(20)]
    first, second = (VideoFolder.Config.of(touched(tmp_path / place / "pets", *names)) for place in ("x", "y"))
    assert first == second
    assert ids(first, "test") == ids(second, "test")


def test_a_divided_folder_is_read_as_divided(tmp_path: Path) -> None:
    names = ("train/cats/in/a.MP4", "train/dogs/b.avi", "val/dogs/c.webm")
    config = VideoFolder.Config.of(touched(tmp_path, *names))
    assert config.class_names == ("cats", "dogs")
    assert (ids(config, "train"), ids(config, "test")) == (["cats/in/a.MP4", "dogs/b.avi"], ["dogs/c.webm"])
    touched(tmp_path, "val/birds/d.mp4")
    with pytest.raises(DataError, match=r"the class 'birds' has no folder in .*/train; add its videos"):
        ids(config, "test")


@pytest.mark.parametrize(
    ("train", "val", "named", "classes", "labels"),
    [
        ("path,class\na.mp4,black cats\nb.mp4,dogs\n", "c.mp4,dogs\n", "", ("black cats", "dogs"), [0, 1]),
        ("a.mp4 1\nb.mp4 0\n", "c.mp4 1\n", "", ("class 0", "class 1"), [1, 0]),
        ("a.mp4 1\nb.mp4 0\n", "c.mp4 1\n", "cats\ndogs\n", ("cats", "dogs"), [1, 0]),
    ],
)
def test_lists_name_classes_or_number_them(
    train: str, val: str, named: str, classes: tuple[str, ...], labels: list[int], tmp_path: Path
) -> None:
    config = VideoFolder.Config.of(with_lists(tmp_path, train, val, named))
    assert config.class_names == classes
    assert [record.label for record in config.build(tmp_path, "train").records] == labels
    assert [record.label for record in config.build(tmp_path, "test").records] == [1]


def test_a_folder_without_test_videos_is_refused(tmp_path: Path) -> None:
    config = VideoFolder.Config.of(touched(tmp_path, "train/cats/1.mp4", "train/dogs/2.mp4", "val/cats/notes.txt"))
    with pytest.raises(DataError, match=r"/val: no videos \(.*\); add some"):
        ids(config, "test")


@pytest.mark.parametrize(
    ("train", "val", "classes", "message"),
    [
        ("a.mp4,cats\nb.mp4,cats\n", "path,class\n./b.mp4,cats\n", "", "it has one class, 'cats', and two or more are"),
        ("a.mp4,cats\nb.mp4,dogs\n", "./b.mp4,cats\n", "", r"'\./b\.mp4' is also in .*/train\.csv; remove it"),
        ("a.mp4,0\n", "b.mp4,1\n", "cat\ncat\n", r"classes\.txt: cat is listed 2 times; list each class once"),
        ("a.mp4 1\n", "b.mp4 2\n", "cats\ndogs\n", r"csv:1: wrong label '2'; .* has labels 0 to 1, or the names"),
    ],
)
def test_lists_that_are_no_split_into_classes_are_refused(
    train: str, val: str, classes: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        ids(VideoFolder.Config.of(with_lists(tmp_path, train, val, classes)), "test")


@pytest.mark.parametrize("name", ["a/\udcff.mp4", "\udcff/a.mp4"])
def test_names_that_are_not_text_are_refused(name: str, tmp_path: Path) -> None:
    touched(tmp_path, "a/1.mp4", "a/2.mp4", "b/1.mp4", "b/2.mp4", name)
    with pytest.raises(DataError, match=r"\\udcff.*: the name is not text in UTF-8; rename it"):
        ids(VideoFolder.Config.of(tmp_path), "train")
    with pytest.raises(DataError, match="the name is not text in UTF-8"):
        UnlabelledVideos.Config(predicted=ClassTarget(2), paths=(str(tmp_path / name),)).build(tmp_path, "test")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "it has no class and two or more are needed; it holds CLASS/VIDEO files"),
        (("a.mp4",), "it has no class"),
        (("cats/a.mp4",), "it has one class, 'cats', and"),
        (("train/cats/a.mp4",), "there is train, but not val"),
        (("train.csv",), r"there is train\.csv, but not val\.csv"),
        (("train.csv", "val.csv"), r"train\.csv: the file is empty"),
    ],
)
def test_folders_of_other_layouts_are_refused(names: tuple[str, ...], message: str, tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()
    with pytest.raises(DataError, match=message):
        VideoFolder.Config.of(touched(tmp_path / "pets", *names))


def test_a_class_needs_a_training_and_a_test_video(tmp_path: Path) -> None:
    config = VideoFolder.Config.of(touched(tmp_path, "cats/a.mp4", "cats/b.mp4", "dogs/notes.txt"))
    with pytest.raises(DataError, match=r"dogs: no videos \(\.mp4 .*\); add some, or remove the folder"):
        ids(config, "train")
    touched(tmp_path, "dogs/a.mp4")
    with pytest.raises(DataError, match="dogs: one video; a class needs two or more"):
        ids(config, "train")


def test_a_folder_whose_classes_changed_is_refused(tmp_path: Path) -> None:
    names = [f"{kind}/{number}.mp4" for kind in "ab" for number in range(2)]
    config = VideoFolder.Config.of(touched(tmp_path, *names))
    touched(tmp_path, "c/1.mp4", "c/2.mp4")
    with pytest.raises(DataError, match="its classes are now a, b, c"):
        ids(config, "train")


def test_unlabelled_videos_are_files_and_those_below_folders(tmp_path: Path) -> None:
    touched(tmp_path, "in/b.mp4", "in/deep/a.mp4", "in/x.txt", "c.dat")
    paths = tuple(str(tmp_path / name) for name in ("c.dat", "in", "in/b.mp4"))
    videos = UnlabelledVideos.Config(predicted=ClassTarget(3), paths=paths).build(Path(), "test")
    assert [Path(name).name for name in videos.ids] == ["c.dat", "b.mp4", "a.mp4"]
    assert {record.label for record in videos.records} == {-1}
    pair = UnlabelledVideos.Config(predicted=VerbNounTarget(2, 3), paths=paths).build(Path(), "test")
    assert {record.label for record in pair.records} == {(-1, -1)}


def test_unlabelled_paths_without_videos_are_refused(tmp_path: Path) -> None:
    def config(name: str) -> UnlabelledVideos.Config:
        return UnlabelledVideos.Config(predicted=ClassTarget(3), paths=(str(tmp_path / name),))

    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: no videos \(\.mp4"):
        config("empty").build(Path(), "test")
    with pytest.raises(DataError, match="nowhere: there is no such video or folder"):
        config("nowhere").build(Path(), "test")
    with pytest.raises(MissingAnnotationError, match="no training split"):
        config("empty").build(Path(), "train")


# Lists


def test_a_list_stands_for_any_split_but_that_of_training(tmp_path: Path) -> None:
    touched(tmp_path, "a/UPPER.MP4", "val/c.mp4")
    path = tmp_path / "mine.txt"
    path.write_text("a/UPPER.MP4 2\n")
    config = ListFile.Config(predicted=ClassTarget(3))
    videos = config.build(path, "test")
    assert videos == config.build(path, "val") and videos.class_names == ("class 0", "class 1", "a")
    with pytest.raises(MissingAnnotationError, match=r"mine\.txt: a list has no training split"):
        config.build(path, "train")
    path.write_text("c.mp4 1\n")
    assert config.build(path, "test").records[0].path == f"{tmp_path}/val/c.mp4"
    assert (config.targets, config.tiny()) == (ClassTarget(3), config)


def test_verbs_and_nouns_of_a_list_may_be_names_or_numbers(tmp_path: Path) -> None:
    touched(tmp_path, "a.mp4")
    (tmp_path / "mine.csv").write_text("a.mp4,put-on,glass:wine\nb.mp4 4 fork\nc.mp4 take 6\n")
    names = ("take", "put-on", "open", "close", "wash", "cup", "tap", "glass:wine", "board", "fork", "spoon", "knife")
    config = ListFile.Config(predicted=VerbNounTarget(5, 7), class_names=names)
    videos = config.build(tmp_path / "mine.csv", "test")
    assert [record.label for record in videos.records] == [(1, 2), (4, 4), (0, 6)]
    assert videos.class_names == names
    (tmp_path / "mine.csv").write_text("a.mp4,1,2\n")
    unnamed = ListFile.Config(predicted=VerbNounTarget(5, 7)).build(tmp_path / "mine.csv", "test").class_names
    assert (unnamed[4], unnamed[5], len(unnamed)) == ("verb 4", "noun 0", 12)
