import csv
import itertools
from pathlib import Path

import numpy as np
import pytest

from data.datamodule import DataModule, Loading
from data.datasets.epic100 import Epic100
from data.synthetic.ensure import ensure, folder_name
from data.synthetic.epic100 import COLUMNS, NOUNS, VERBS, CategorisedEpic100StandIn, Epic100StandIn, hand_poses
from data.video.decode import VideoFile
from data.video.frame_sources import opened
from data.video_data import VideoData
from interface.evaluation import EvalConfig

SMALL = Epic100StandIn(num_train=36, num_val=12)
CONFIG = Epic100.Config(num_verbs=SMALL.num_verbs, num_nouns=SMALL.num_nouns, stand_in=SMALL)
CATEGORISED = CategorisedEpic100StandIn(num_train=2, num_val=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure(SMALL, tmp_path_factory.mktemp("epic100"), progress=False, workers=0)


def rows(root: Path, name: str) -> list[dict[str, str]]:
    with (root / name).open() as file:
        return list(csv.DictReader(file))


def test_the_official_files_name_every_segment(root: Path) -> None:
    seen: set[str] = set()
    for split, count in (("train", 36), ("validation", 12)):
        segments = rows(root, f"EPIC_100_{split}.csv")
        assert len(segments) == count
        assert tuple(segments[0]) == COLUMNS
        assert seen.isdisjoint(segment["video_id"] for segment in segments)
        seen |= {segment["video_id"] for segment in segments}
        for segment in segments:
            assert segment["narration_id"].startswith(segment["video_id"] + "_")
            assert segment["narration"] == f"{segment['verb']} {segment['noun']}"
            assert (VERBS[int(segment["verb_class"])], NOUNS[int(segment["noun_class"])].name) == (
                segment["verb"],
                segment["noun"],
            )
    assert {path.stem for path in root.glob("P??/videos/*.MP4")} == seen
    assert [row["key"] for row in rows(root, "EPIC_100_verb_classes.csv")] == list(VERBS)
    assert len(NOUNS) >= 8 and len(VERBS) >= 8


def test_the_reader_of_the_real_data_set_finds_every_segment_in_its_video(root: Path) -> None:
    actions = [(v, n, a) for v in SMALL.videos() if v.split == "train" for n, a in enumerate(SMALL.actions(v))]
    records = CONFIG.build(root, "train").records
    assert [record.video_id for record in records] == [f"{video.video_id}_{n}" for video, n, _ in actions]
    assert [record.label for record in records] == [(action.verb, action.noun) for *_, action in actions]
    for record, (*_, action) in list(zip(records, actions, strict=True))[:10]:
        with opened(record) as part, VideoFile(record.path) as whole:
            assert part.timeline.num_frames == action.stop - action.start
            assert (part.frames([0]) == whole.frames([action.start])).all()
    assert CONFIG.build(root, "train").class_names == (*VERBS, *(noun.name for noun in NOUNS))


def test_verbs_and_nouns_are_balanced_and_freely_paired() -> None:
    stand_in = Epic100StandIn()
    actions = [action for video in stand_in.videos() for action in stand_in.actions(video)]
    pairs = np.zeros((len(VERBS), len(NOUNS)), int)
    np.add.at(pairs, ([a.verb for a in actions], [a.noun for a in actions]), 1)
    assert len(set(pairs.sum(0))) == len(set(pairs.sum(1))) == 1
    assert pairs.min() > 0.5 * pairs.mean()
    assert len(actions) == stand_in.num_train + stand_in.num_val


def test_segments_of_a_video_do_not_overlap() -> None:
    for video in SMALL.videos():
        actions = SMALL.actions(video)
        assert all(before.stop < after.start for before, after in itertools.pairwise(actions))


def test_some_videos_are_numbered_as_those_of_2020() -> None:
    names = {video.video_id for video in Epic100StandIn().videos()}
    assert {"P01_01", "P01_12", "P01_101"} <= names
    assert len(names) == len(Epic100StandIn().videos())


@pytest.mark.parametrize(("verb", "opposite"), [("take", "put"), ("open", "close")])
def test_opposite_verbs_are_time_reversed(verb: str, opposite: str) -> None:
    seconds = np.linspace(0, 1.5, 23, dtype=np.float32)
    there = hand_poses(np.random.default_rng(0), verb, seconds)  # pyright: ignore[reportArgumentType]
    back = hand_poses(np.random.default_rng(0), opposite, seconds)  # pyright: ignore[reportArgumentType]
    for a, b in zip(there, back, strict=True):
        np.testing.assert_allclose(a, b[::-1], atol=1e-5)


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_are_invariant_to_mirroring(verb: str) -> None:
    """The distribution of sideways motion is symmetric, since the recipe flips clips."""
    seconds = np.linspace(0, 1.5, 23, dtype=np.float32)
    sides = []
    for seed in range(400):
        hands = hand_poses(np.random.default_rng(seed), verb, seconds)  # pyright: ignore[reportArgumentType]
        sides.append((hands.position[-1, 0] - hands.position[0, 0], hands.turn[-1]))
    assert np.abs(np.mean(np.sign(sides), 0)).max() < 0.15


def module(root: Path, reversed_channels: bool) -> DataModule:
    data = VideoData(dataset=CONFIG, frames=4, crop=32, reversed_channels=reversed_channels)
    protocol = EvalConfig(views=2, crops=3)
    loading = Loading(
        data=data,
        evaluation=protocol,
        root=root,
        seed=0,
        batch_size=4,
        test_batch_size=3,
        num_workers=0,
        allow_bad=0,
    )
    return DataModule(loading)


def test_batches_have_two_labels_per_clip(root: Path) -> None:
    datamodule = module(root, reversed_channels=False)
    train, test = next(iter(datamodule.train_dataloader())), next(iter(datamodule.test_dataloader()))
    videos = CONFIG.build(root, "train")
    assert train.targets.tolist() == [list(videos.records[index].label) for index in train.items]  # pyright: ignore[reportArgumentType]
    assert test.targets.shape == (3, 2)
    assert test.inputs[0].shape == (3, 3, 4, 3, 32, 32)


def test_reversed_channels_are_blue_first_in_training_and_test(root: Path) -> None:
    rgb, bgr = module(root, reversed_channels=False), module(root, reversed_channels=True)
    for name in ("val_dataloader", "test_dataloader"):
        ours, theirs = next(iter(getattr(rgb, name)())).inputs[0], next(iter(getattr(bgr, name)())).inputs[0]
        assert (ours == theirs.flip(-3)).all()
        assert (ours != theirs).any()
    ours, theirs = (next(iter(datamodule.train_dataloader())).inputs[0].float() for datamodule in (rgb, bgr))
    # Colour jitter weights the channels: clips are only nearly equal after the flip, and differ without it.
    assert (ours - theirs.flip(-3)).abs().mean() < (ours - theirs).abs().mean()


def test_only_the_class_file_of_the_nouns_differs_from_the_plain_stand_in() -> None:
    plain = Epic100StandIn(num_train=2, num_val=1)
    ours, theirs = CATEGORISED.annotations(), plain.annotations()
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == ["EPIC_100_noun_classes.csv"]
    assert CATEGORISED.videos() == plain.videos()
    assert folder_name(CATEGORISED) != folder_name(plain)


def test_the_reader_finds_the_category_of_each_noun(tmp_path: Path) -> None:
    config = Epic100.Config(num_verbs=CATEGORISED.num_verbs, num_nouns=CATEGORISED.num_nouns, stand_in=CATEGORISED)
    root = ensure(CATEGORISED, tmp_path, progress=False, workers=0)
    nouns = config.categories(root)["noun"]
    by_name = dict(zip((noun.name for noun in NOUNS), nouns, strict=True))
    assert (by_name["carrot"], by_name["onion"], by_name["tap"]) == ("vegetables", "vegetables", "appliances")
    assert len(set(nouns)) == 7
    assert config.targets.by_kind(config.build(root, "test").class_names)["noun"] == tuple(by_name)
