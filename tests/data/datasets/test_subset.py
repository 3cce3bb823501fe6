import hashlib
import json
from pathlib import Path

import pytest

from data.datasets.epic100 import Epic100
from data.datasets.kinetics import Kinetics
from data.datasets.ssv2 import SSv2
from data.datasets.subset import FOLDER, Subset, class_list
from data.datasets.videos import VideoDataset, VideoList
from data.errors import DataError
from tests.data.files import touched
from tests.data.official_files import official_kinetics, official_ssv2
from tests.data.small_stand_ins import DATASETS, root_of

KINETICS, SSV2 = (Subset.Config.of(whole) for whole in (Kinetics.Config(), SSv2.Config()))


def named(videos: VideoList) -> dict[str, str]:
    """Name of the class of each video, by its id."""
    labels = {record.video_id: record.label for record in videos.records}
    return {name: videos.class_names[label] for name, label in labels.items() if isinstance(label, int)}


@pytest.mark.parametrize(("name", "digest"), [("mini-ssv2", "d316a175850183e6"), ("mini-kinetics", "599673b4f44d05eb")])
def test_lists_of_classes_are_those_of_the_published_files(name: str, digest: str) -> None:
    assert hashlib.sha256((FOLDER / f"{name}.txt").read_bytes()).hexdigest().startswith(digest)
    assert list(class_list(name)) == sorted(set(class_list(name)))


def test_videos_of_the_listed_classes_are_selected_by_name_and_numbered_in_sorted_order(tmp_path: Path) -> None:
    kinetics = official_kinetics(tmp_path)
    whole, part = KINETICS.whole.build(kinetics, "val"), KINETICS.build(kinetics, "val")
    assert (len(whole), len(part), KINETICS.targets.num_outputs) == (4000, 2000, 200)
    assert part.class_names == KINETICS.names_of_classes(None) == class_list("mini-kinetics")
    assert {*named(part).values()} == {*class_list("mini-kinetics")}
    assert named(part).items() <= named(whole).items()


def test_templates_are_selected_in_whatever_order_the_official_file_numbers_them(tmp_path: Path) -> None:
    ssv2 = official_ssv2(tmp_path)
    videos = SSV2.build(ssv2, "train")
    assert (len(videos), SSV2.targets.num_outputs) == (87, 87)
    assert sorted(videos.label(n) for n in range(87)) == list(range(87))
    first = next(record for record in videos.records if record.label == 0)
    templates = {one["id"]: one["template"] for one in json.loads((ssv2 / "train.json").read_text())}
    assert templates[first.video_id] == "Approaching [something] with your camera"


def test_a_share_of_the_training_videos_does_not_depend_on_which_others_there_are(tmp_path: Path) -> None:
    kinetics = official_kinetics(tmp_path)
    half = Subset.Config.of(Kinetics.Config(), train_share=0.5)
    chosen, every = {*half.build(kinetics, "train").ids}, {*KINETICS.build(kinetics, "train").ids}
    assert 900 < len(chosen) < 1100
    assert chosen < every
    assert len(half.build(kinetics, "val")) == 2000
    header, *lines = (kinetics / "train.csv").read_text().splitlines(keepends=True)
    (kinetics / "classes.txt").write_text("\n".join(KINETICS.whole.build(kinetics, "train").class_names))
    (kinetics / "train.csv").write_text(header + "".join(lines[1::3]))
    left = {*KINETICS.build(kinetics, "train").ids}
    touched(kinetics, f"train/yoga/{min(left)}.mp4")
    assert {*half.build(kinetics, "train").ids} == chosen & left
    assert {*Subset.Config.of(Kinetics.Config(), train_share=0.25).build(kinetics, "train").ids} < chosen


@pytest.mark.parametrize(
    ("part", "line", "remedy"),
    [(KINETICS, "a/v.mp4 7", r"put classes\.txt there"), (SSV2, "v.mp4 7", r"put something-something-v2-labels\.json")],
    ids=["kinetics", "ssv2"],
)
def test_lists_without_the_names_of_the_classes_are_refused(
    tmp_path: Path, part: Subset.Config, line: str, remedy: str
) -> None:
    touched(tmp_path, line.split()[0])
    (tmp_path / "val.csv").write_text(f"{line}\n")
    assert len(part.whole.build(tmp_path, "val")) == 1
    with pytest.raises(DataError, match=remedy):
        part.build(tmp_path, "val")


@pytest.mark.parametrize(
    ("whole", "share", "train", "exact", "test"),
    [
        (Kinetics.Config(), 1.0, 121_215, None, 9_947),
        (SSv2.Config(), 1.0, 81_663, 81_663, 11_799),
        (SSv2.Config(), 0.5, 40_832, None, 11_799),
        (Epic100.Config(), 0.5, 33_608, None, 9_668),
    ],
)
def test_sizes_are_those_of_the_part(
    whole: VideoDataset, share: float, train: int, exact: int | None, test: int
) -> None:
    part = Subset.Config.of(whole, share)
    assert (part.official_size("train"), part.exact_size("train")) == (train, exact)
    assert (part.official_size("test"), part.exact_size("test")) == (test, test)


def test_a_share_of_segments_keeps_their_verbs_and_nouns() -> None:
    whole = DATASETS["epic100"]
    assert isinstance(whole, VideoDataset)
    part = Subset.Config.of(whole, 0.5)
    videos, every = (config.build(root_of("epic100"), "train") for config in (part, whole))
    assert 0 < len(videos) < len(every)
    assert {*videos.records} < {*every.records}
    assert (part.targets, videos.class_names) == (whole.targets, every.class_names)
