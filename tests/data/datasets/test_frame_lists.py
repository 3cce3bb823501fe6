"""Lists of frame folders: the layouts of the authors of two papers, errors, and what is not looked up."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.datasets.frame_lists import frame_rates, has_frame_numbers, picture_name
from data.datasets.kinetics import Kinetics
from data.datasets.ssv2 import SSv2
from data.datasets.videos import Pictures, VideoRecord
from data.errors import DataError, MissingAnnotationError
from data.fingerprint import SplitFingerprint
from data.sampling.strides import CyclicSampling, StridedSampling
from data.video_data import VideoData
from interface.evaluation import EvalConfig

KINETICS = Kinetics.Config(num_classes=3)
SSV2 = SSv2.Config(num_classes=3)


def write_frames(folder: Path, count: int, name: str = "img_{:05d}.jpg") -> None:
    """Pictures whose grey level is their number."""
    folder.mkdir(parents=True)
    for number in range(1, count + 1):
        Image.fromarray(np.full((6, 8, 3), number, np.uint8)).save(folder / name.format(number), quality=100)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Layout of the first authors: `folder frames label` lines, and a class and a video with spaces in their names."""
    root = tmp_path / "k400"
    write_frames(root / "frames" / "air drumming" / "a 1", 12)
    write_frames(root / "frames" / "yoga" / "b", 7)
    (root / "train.txt").write_text("air drumming/a 1 12 0\nyoga/b 7 2\n\n# the end\n")
    (root / "val.txt").write_text("yoga/b 7 2\n")
    return root


def test_listed_paths_may_begin_with_the_name_of_the_data_set(root: Path) -> None:
    (root / "frames").rename(root / "frames331_train")
    (root / "trainValTest").mkdir()
    (root / "train.txt").unlink()
    lines = ["k400/frames331_train/air drumming/a 1 12 0", "k400/frames331_train/yoga/b 7 2"]
    (root / "trainValTest" / "train.txt").write_text("\n".join(lines))
    named = KINETICS.build(root, "train")
    moved = KINETICS.build(root.rename(root.parent / "other name"), "train")
    for videos, folder in ((named, root), (moved, root.parent / "other name")):
        assert videos.records[1].path == f"{folder}/frames331_train/yoga/b"
        assert videos.records[1].video_id == "k400/frames331_train/yoga/b"
        assert videos.class_names == ("air drumming", "class 1", "yoga")


def comma_separated(root: Path) -> Path:
    """The same videos in the layout of the second authors."""
    (root / "annotations").mkdir()
    (root / "frames").rename(root / "train")
    (root / "train.txt").unlink()
    (root / "annotations" / "train.txt").write_text("air drumming/a 1,12,0\nyoga/b,7,2\n")
    return root


def failed(root: Path, config: Kinetics.Config | SSv2.Config = KINETICS) -> str:
    """Error of reading the training list, which is one line."""
    with pytest.raises(DataError) as caught:
        config.build(root, "train")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_lists_of_frame_folders_are_read(root: Path) -> None:
    videos = KINETICS.build(root, "train")
    assert videos.records == (
        VideoRecord(
            f"{root}/frames/air drumming/a 1", 0, "air drumming/a 1", None, Pictures("img_{:05d}.jpg", 12, 30.0)
        ),
        VideoRecord(f"{root}/frames/yoga/b", 2, "yoga/b", None, Pictures("img_{:05d}.jpg", 7, 30.0)),
    )
    assert videos.class_names == ("air drumming", "class 1", "yoga")
    assert len(KINETICS.build(root, "test")) == 1


def test_lists_may_use_commas_and_lie_in_annotations(root: Path) -> None:
    spaces = KINETICS.build(root, "train")
    commas = KINETICS.build(comma_separated(root), "train")
    assert commas.fingerprint == spaces.fingerprint and commas.class_names == spaces.class_names
    assert [record.path for record in commas.records] == [f"{root}/train/air drumming/a 1", f"{root}/train/yoga/b"]


@pytest.mark.parametrize("folder", ["annotation", "annotations"])
def test_a_list_of_frame_rates_is_used(root: Path, folder: str) -> None:
    (root / folder).mkdir()
    (root / folder / "train_fps.txt").write_text("yoga/b,12\nair drumming/a 1,29.97\nother,25\n")
    records = KINETICS.build(root, "train").records
    assert [record.pictures and record.pictures.fps for record in records] == [29.97, 12.0]
    (root / folder / "train_fps.txt").write_text("yoga/b,12\n")
    assert failed(root) == (
        f"{root}/{folder}/train_fps.txt: no frame rate of 'air drumming/a 1'; add a line 'folder,fps', or remove the "
        f"file"
    )


@pytest.mark.parametrize("line", ["yoga/b,fast", "yoga/b,0", "yoga/b,nan", "yoga", "yoga/b,inf"])
def test_bad_frame_rates_are_named_by_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "train_fps.txt"
    path.write_text(f"x y 25\n{line}\n")
    with pytest.raises(DataError) as caught:
        frame_rates(path)
    assert str(caught.value) == f"{path}:2: no frame rate in '{line}'; a line is 'folder,fps'"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("air drumming/c 2", "wrong number of frames 'drumming/c'"),
        ("yoga", "too few fields in 'yoga'; a line is 'folder frames label'"),
        ("yoga/c 5", "too few fields in 'yoga/c 5'; a line is 'folder frames label'"),
        ("yoga/c 5 3", "wrong label '3'; kinetics400 has labels 0 to 2"),
        ("yoga/c 5 -1", "wrong label '-1'"),
        ("yoga/c many 1", "wrong number of frames 'many'; a line is 'folder frames label': extract the frames again"),
        ("yoga/c 0 1", "wrong number of frames '0'"),
        ("yoga/c 5.0 1", "wrong number of frames '5.0'"),
    ],
)
def test_bad_lines_are_named_by_file_and_line(root: Path, line: str, message: str) -> None:
    with (root / "train.txt").open("a") as file:
        file.write(f"{line}\n")
    assert failed(root).startswith(f"{root}/train.txt:5: {message}")


def test_bad_lines_with_commas_are_named_with_their_layout(root: Path) -> None:
    with (comma_separated(root) / "annotations" / "train.txt").open("a") as file:
        file.write("yoga/c 5 1\n")
    assert failed(root) == (
        f"{root}/annotations/train.txt:3: too few fields in 'yoga/c 5 1'; a line is 'folder,frames,label'"
    )


def test_a_folder_that_is_listed_twice_or_lies_outside_is_refused(root: Path) -> None:
    (root / "train.txt").write_text("yoga/b 7 2\nyoga/b 7 2\n")
    assert "is listed 2 times; list each video once" in failed(root)
    (root / "train.txt").write_text("yoga/b 7 2\n../../secret 7 2\n")
    assert "'../../secret' leads out of" in failed(root)


def test_lists_of_video_files_are_read_as_before(root: Path) -> None:
    for name in ("v 1.mp4", "w.mp4"):
        (root / name).touch()
    (root / "train.txt").write_text("v 1.mp4 0\nw.mp4 2\n")
    assert KINETICS.build(root, "train").records == (
        VideoRecord(f"{root}/v 1.mp4", 0, "v 1.mp4"),
        VideoRecord(f"{root}/w.mp4", 2, "w.mp4"),
    )
    (root / "train.txt").write_text("v 1.mp4 12 0\nw.mp4 7 2\n")  # with numbers of frames, which a file states itself
    assert [record.pictures for record in KINETICS.build(root, "train").records] == [None, None]


def test_lists_without_their_folders_say_where_these_should_be(root: Path) -> None:
    (root / "train.txt").write_text("gone/a 12 0\ngone/b 7 2\n")
    assert failed(root) == (
        f"kinetics400: none of the 2 videos of {root}/train.txt exists, e.g. {root}/gone/a/img_00001.jpg; paths are "
        f"absolute or relative to {root}"
    )


@pytest.mark.parametrize("place", ["seq_h5/train/gone/a.h5", "train/gone/a.h5", "gone/a.h5"])
def test_frames_in_hdf5_files_are_named_with_the_remedy(root: Path, place: str) -> None:
    (root / "train.txt").write_text("gone/a 12 0\n")
    (root / place).parent.mkdir(parents=True)
    (root / place).touch()
    assert failed(root) == (
        f"kinetics400: the frames of {root}/train.txt are in HDF5 files, e.g. {root}/{place}; extract them as "
        f"pictures, e.g. {root}/gone/a/img_00001.jpg"
    )


@pytest.mark.parametrize(
    "name", ["img_{:05d}.jpg", "image_{:05d}.jpg", "{:06d}.jpg", "frame_{:010d}.jpg", "frame_{:d}.png", "{:05d}.JPG"]
)
def test_names_of_pictures_are_found_in_the_first_folder_that_exists(tmp_path: Path, name: str) -> None:
    write_frames(tmp_path / "a", 12, name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "a" / "flow_x_00001.jpg").touch()
    pattern = picture_name([f"{tmp_path}/{folder}" for folder in ("gone", "empty", "a")])
    assert [pattern.format(number) for number in (1, 12, 300)] == [name.format(number) for number in (1, 12, 300)]


def test_pictures_must_be_numbered_from_one(root: Path) -> None:
    (root / "train.txt").write_text("yoga/b 7 2\n")
    (root / "frames/yoga/b/img_00001.jpg").rename(root / "frames/yoga/b/img_00000.jpg")
    assert failed(root) == (
        f"{root}/frames/yoga/b: pictures start with img_00000.jpg; they count from 1, e.g. img_00001.jpg: rename them"
    )
    for picture in (root / "frames/yoga/b").iterdir():
        picture.unlink()
    assert failed(root) == (
        f"{root}/frames/yoga/b: no numbered pictures; extract the frames as img_00001.jpg and so on"
    )


def test_pictures_that_also_have_the_number_zero_are_refused(root: Path) -> None:
    """Otherwise every frame would be the one after it."""
    (root / "train.txt").write_text("yoga/b 8 2\n")
    shutil.copy(root / "frames/yoga/b/img_00001.jpg", root / "frames/yoga/b/img_00000.jpg")
    assert "pictures start with img_00000.jpg; they count from 1" in failed(root)


def test_lists_of_comments_are_empty(root: Path) -> None:
    (root / "train.txt").write_text("# path label\n")
    assert failed(root) == f"{root}/train.txt: the file is empty; it should contain one 'path label' per line"


@pytest.mark.parametrize("config", [KINETICS, SSV2])
def test_lines_that_are_too_long_for_a_path_are_no_videos(root: Path, config: Kinetics.Config | SSv2.Config) -> None:
    for name in ("train.txt", "train_videofolder.txt"):
        (root / name).write_text(f"{'x' * 5000} 7 2\n")
    assert "none of the 1 videos of" in failed(root, config)


def test_reading_a_list_looks_up_few_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"yoga/{number} 300 {number % 3}" for number in range(20_000)]
    (root / "train.txt").write_text("\n".join(["yoga/b 7 2", *lines]))
    looked_up: list[str] = []
    stat = os.stat

    def counted(path: str, **kwargs: object) -> os.stat_result:
        looked_up.append(str(path))
        return stat(path, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", counted)
    assert len(KINETICS.build(root, "train")) == 20_001
    assert 0 < len(looked_up) < 1000


def test_fingerprints_depend_on_the_numbers_of_frames_and_on_the_ends_of_each_folder(root: Path) -> None:
    data = VideoData(dataset=KINETICS)

    def fingerprint() -> SplitFingerprint:
        videos = KINETICS.build(root, "train")
        return SplitFingerprint.of(videos, data.files(videos))

    before = fingerprint()
    assert before.missing == 0 and before.items == 2
    (root / "frames/yoga/b/img_00007.jpg").unlink()
    assert fingerprint().missing == 1 and fingerprint().annotations == before.annotations
    (root / "train.txt").write_text("air drumming/a 1 12 0\nyoga/b 6 2\n")
    assert fingerprint().missing == 0 and fingerprint().annotations != before.annotations


def test_clips_are_taken_from_the_pictures(root: Path) -> None:
    items = KINETICS.build(root, "val")
    for sampling, expected in (
        (CyclicSampling.Config(stride=3), [1, 4, 7, 3]),
        (StridedSampling.Config(stride=2), [1, 3, 5, 7]),
    ):
        data = VideoData(dataset=KINETICS, frames=4, crop=6, sampling=sampling)
        (clip,) = data.test_items(items, EvalConfig(views=1, crops=1))[0].inputs
        assert clip.shape == (1, 4, 3, 6, 6)
        assert clip.float().mean((0, 2, 3, 4)).round().int().tolist() == expected


# Something-Something V2


@pytest.fixture
def ssv2(tmp_path: Path) -> Path:
    root = tmp_path / "ssv2"
    write_frames(root / "20bn-something-something-v2-frames" / "11", 5, "{:06d}.jpg")
    write_frames(root / "20bn-something-something-v2-frames" / "7", 4, "{:06d}.jpg")
    (root / "train_videofolder.txt").write_text("11 5 1\n7 4 0\n")
    (root / "val_videofolder.txt").write_text("7 4 0\n")
    return root


def test_video_folder_lists_are_read(ssv2: Path) -> None:
    folder = ssv2 / "20bn-something-something-v2-frames"
    videos = SSV2.build(ssv2, "train")
    assert videos.records == (
        VideoRecord(f"{folder}/11", 1, "11", None, Pictures("{:06d}.jpg", 5, 30.0)),
        VideoRecord(f"{folder}/7", 0, "7", None, Pictures("{:06d}.jpg", 4, 30.0)),
    )
    assert videos.class_names == ("class 0", "class 1", "class 2")
    assert SSV2.build(ssv2, "test") == SSV2.build(ssv2, "val") and len(SSV2.build(ssv2, "val")) == 1


def test_class_names_are_those_of_the_official_labels(ssv2: Path) -> None:
    (ssv2 / "something-something-v2-labels.json").write_text('{"Closing [something]": "1", "A": "0", "B": "2"}')
    assert SSV2.build(ssv2, "train").class_names == ("A", "Closing something", "B")


def test_video_folder_lists_may_name_videos(ssv2: Path) -> None:
    (ssv2 / "20bn-something-something-v2-frames").rename(ssv2 / "unused")
    (ssv2 / "videos").mkdir()
    (ssv2 / "videos" / "7.webm").touch()
    records = SSV2.build(ssv2, "train").records
    assert records[1] == VideoRecord(f"{ssv2}/videos/7.webm", 0, "7")
    assert records[0].path == f"{ssv2}/20bn-something-something-v2/11.webm"  # missing


def test_official_files_with_their_videos_come_before_lists(ssv2: Path) -> None:
    (ssv2 / "train.json").write_text('[{"id": "7", "template": "B"}]')
    (ssv2 / "labels.json").write_text('{"C": "1", "A": "0", "B": "2"}')
    assert len(SSV2.build(ssv2, "train")) == 2  # no videos
    (ssv2 / "7.webm").touch()
    assert SSV2.build(ssv2, "train").records == (VideoRecord(f"{ssv2}/7.webm", 2, "7"),)


@pytest.mark.parametrize("line", ["./7 4 0", "7/ 4 0"])
def test_a_folder_of_frames_that_is_listed_twice_under_other_names_is_refused(ssv2: Path, line: str) -> None:
    (ssv2 / "train_videofolder.txt").write_text(f"7 4 0\n{line}\n")
    assert "is listed 2 times; list each video once" in failed(ssv2, SSV2)


def test_absolute_paths_of_folders_of_frames_are_taken_as_they_are(ssv2: Path) -> None:
    elsewhere = ssv2.parent / "elsewhere"
    (ssv2 / "20bn-something-something-v2-frames").rename(elsewhere)
    (ssv2 / "train_videofolder.txt").write_text(f"{elsewhere}/7 4 0\n")
    assert SSV2.build(ssv2, "train").records[0].path == f"{elsewhere}/7"
    (ssv2 / "train_videofolder.txt").write_text(f"{elsewhere}/7 4 0\n../../elsewhere/11 5 1\n")
    assert "'../../elsewhere/11' leads out of" in failed(ssv2, SSV2)


@pytest.mark.parametrize("place", ["seq_h5/11.h5", "Something-Something-v2-frames.h5"])
def test_video_folder_lists_of_hdf5_files_are_refused(ssv2: Path, place: str) -> None:
    (ssv2 / "20bn-something-something-v2-frames").rename(ssv2 / "unused")
    assert failed(ssv2, SSV2).startswith("ssv2: none of the 2 videos of")
    (ssv2 / place).parent.mkdir(exist_ok=True)
    (ssv2 / place).touch()
    assert f"are in HDF5 files, e.g. {ssv2}/{place}; extract them as pictures" in failed(ssv2, SSV2)


def test_bad_lines_of_video_folder_lists_are_named(ssv2: Path) -> None:
    (ssv2 / "train_videofolder.txt").write_text("11 5 1\n7 4 9\n")
    assert failed(ssv2, SSV2) == f"{ssv2}/train_videofolder.txt:2: wrong label '9'; ssv2 has labels 0 to 2"
    (ssv2 / "train_videofolder.txt").write_text("\n")
    assert failed(ssv2, SSV2).startswith(f"{ssv2}/train_videofolder.txt: the file is empty")
    (ssv2 / "train_videofolder.txt").unlink()
    with pytest.raises(MissingAnnotationError, match=r"or a list train_videofolder\.txt of folders of frames$"):
        SSV2.build(ssv2, "train")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a 3 1", "b 4 2"], True),
        (["a,3,1"], True),
        (["# comment", "", "a b c 3 1", "broken"], False),
        (["a 3 1", "b 4 2", "broken"], True),
        (["a.mp4 1"], False),
        (["v 1.mp4 0"], False),
        (["a 1"], False),
        ([], False),
    ],
)
def test_lists_with_numbers_of_frames_are_recognised(lines: list[str], expected: bool) -> None:
    assert has_frame_numbers(lines) is expected
