"""Difficulties of the stand-ins of videos: what tells their classes, and what does not."""

import io
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from numpy.typing import NDArray

from data.datasets.kinetics import Kinetics
from data.stand_ins.drawing.base import VideoDrawing
from data.stand_ins.drawing.encoding import encoded_avi, encoded_mp4
from data.stand_ins.drawing.epic100 import NOUNS, VERBS, Epic100Drawing, Verb, hand_poses
from data.stand_ins.drawing.kinetics import ACTIVITIES, KineticsDrawing, displacement
from data.stand_ins.drawing.ssv2 import TEMPLATES, Pose, SSv2Drawing
from data.stand_ins.of_videos import (
    CategorisedEpic100StandIn,
    Epic100StandIn,
    KineticsStandIn,
    SSv2StandIn,
    without_brackets,
)
from data.video.decode import VideoFile
from data.video.frame_sources import opened
from tests.data.small_stand_ins import DATASETS, root_of

KINETICS, SSV2 = KineticsDrawing(KineticsStandIn()), SSv2Drawing(SSv2StandIn())
EPIC100 = Epic100Drawing(Epic100StandIn())
FRAMES = np.kron(np.random.default_rng(0).integers(0, 256, (14, 4, 5, 3), np.uint8), np.ones((1, 8, 8, 1), np.uint8))
TIMES = np.linspace(0, 1, 24, dtype=np.float32)


@pytest.mark.parametrize(("drawing", "count"), [(KINETICS, 2000), (SSV2, 2600)], ids=["kinetics400", "ssv2"])
def test_classes_are_balanced_and_independent_of_ids_and_order(drawing: VideoDrawing[Any], count: int) -> None:
    videos = drawing.parts()
    assert len({video.video_id for video in videos}) == len({video.seed for video in videos}) == len(videos) == count
    assert set(np.bincount([video.label for video in videos])) == {count // 10}
    labels = [video.label for video in videos]
    assert abs(np.corrcoef(np.arange(count), labels)[0, 1]) < 0.08
    if drawing is SSV2:
        assert abs(np.corrcoef([int(video.video_id) for video in videos], labels)[0, 1]) < 0.08


def test_the_two_releases_of_kinetics_have_classes_of_their_own_in_alphabetical_order() -> None:
    names = [tuple(activity.name for activity in activities) for activities in ACTIVITIES.values()]
    assert all(list(of_release) == sorted(of_release) for of_release in names) and not {*names[0]} & {*names[1]}
    assert tuple(ACTIVITIES) == KineticsStandIn.releases
    assert {len(one) for one in names} == {KineticsStandIn.num_classes}
    assert Kinetics.Config(name="kinetics600").tiny().stand_in == KineticsStandIn(release="kinetics600")


def test_the_last_two_classes_of_kinetics_differ_in_motion_only() -> None:
    swinging, winding = ACTIVITIES["kinetics400"][-2:]
    assert swinging._replace(name="", motion="rest") == winding._replace(name="", motion="rest")
    rng = np.random.default_rng(0)
    across, along = (np.ptp(displacement(rng, activity.motion, TIMES), axis=0) for activity in (swinging, winding))
    assert across[0] > 2 * across[1] and along[1] > 2 * along[0]


@pytest.mark.parametrize("pair", TEMPLATES, ids=lambda pair: without_brackets(pair[0]))
def test_the_second_class_of_a_pair_of_ssv2_is_the_first_played_backwards(pair: tuple[str, str]) -> None:
    forwards, backwards = (SSV2.class_names.index(without_brackets(template)) for template in pair)
    video = SSV2.parts()[0]
    there, back = SSV2.drawn(video._replace(label=forwards)), SSV2.drawn(video._replace(label=backwards))
    assert np.array_equal(there, back[::-1]) and not np.array_equal(there, back)


def poses(moving: int, count: int, backwards: bool = False) -> NDArray[np.floating]:
    """Coordinates (count, 5) at one random time of each of several videos."""
    rng = np.random.default_rng(moving)
    drawn = []
    for _ in range(count):
        pose = np.stack(SSV2.pose(rng, TIMES, moving), -1)  # (T, 5)
        drawn.append((pose[::-1] if backwards else pose)[rng.integers(len(TIMES))])
    return np.stack(drawn)


@pytest.mark.parametrize("moving", range(5), ids=Pose._fields)
def test_single_frames_of_all_classes_of_ssv2_have_the_same_distribution(moving: int) -> None:
    one, other = poses(moving, 3000), poses((moving + 1) % 5, 3000, backwards=True)
    for k in range(5):
        both = np.sort(np.concatenate([one[:, k], other[:, k]]))
        shares = [np.searchsorted(np.sort(part[:, k]), both, "right") for part in (one, other)]
        assert np.abs(shares[0] - shares[1]).max() / 3000 < 0.05  # Kolmogorov-Smirnov statistic; 1 in 1000 is above
    assert np.abs(np.corrcoef(one.T) - np.eye(5)).max() < 0.08


def test_the_reader_finds_every_segment_of_epic100_in_its_video() -> None:
    config, root = DATASETS["epic100"], root_of("epic100")
    assert isinstance(config.stand_in, Epic100StandIn)
    drawing = Epic100Drawing(config.stand_in)
    videos = [video for video in drawing.parts() if video.split == "train"]
    actions = [(video, n, action) for video in videos for n, action in enumerate(drawing.actions(video))]
    items = config.build(root, "train")
    records = items.records  # pyright: ignore[reportAttributeAccessIssue]
    assert [record.video_id for record in records] == [f"{video.video_id}_{n}" for video, n, _ in actions]
    assert [record.label for record in records] == [(action.verb, action.noun) for *_, action in actions]
    for record, (*_, action) in list(zip(records, actions, strict=True))[:6]:
        with opened(record) as part, VideoFile(record.path) as whole:
            assert part.timeline.num_frames == action.stop - action.start
            assert (part.frames([0]) == whole.frames([action.start])).all()
    assert items.class_names == (*VERBS, *(noun.name for noun in NOUNS))
    assert (len(VERBS), len(NOUNS)) == (Epic100StandIn.num_verbs, Epic100StandIn.num_nouns)


def test_verbs_and_nouns_of_epic100_are_balanced_and_freely_paired() -> None:
    actions = [action for video in EPIC100.parts() for action in EPIC100.actions(video)]
    pairs = np.zeros((len(VERBS), len(NOUNS)), int)
    np.add.at(pairs, ([a.verb for a in actions], [a.noun for a in actions]), 1)
    assert len(set(pairs.sum(0))) == len(set(pairs.sum(1))) == 1 and pairs.min() > 0.5 * pairs.mean()
    assert len(actions) == EPIC100.settings.num_train + EPIC100.settings.num_val
    assert {"P01_01", "P01_12", "P01_101"} <= {video.video_id for video in EPIC100.parts()}  # as those of 2020


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_are_invariant_to_mirroring(verb: Verb) -> None:
    """The distribution of sideways motion is symmetric, since the recipe flips clips."""
    hands = [hand_poses(np.random.default_rng(seed), verb, 1.5 * TIMES) for seed in range(400)]
    sides = [(one.position[-1, 0] - one.position[0, 0], one.turn[-1]) for one in hands]
    assert np.abs(np.mean(np.sign(sides), 0)).max() < 0.15


def test_categories_stand_in_the_class_file_of_the_nouns_alone() -> None:
    ours = Epic100Drawing(CategorisedEpic100StandIn(num_train=2, num_val=1))
    theirs = Epic100Drawing(Epic100StandIn(num_train=2, num_val=1))
    assert ours.parts() == theirs.parts()
    differing = {name for name in ours.annotations() if ours.annotations()[name] != theirs.annotations()[name]}
    assert differing == {"EPIC_100_noun_classes.csv"}
    nouns = DATASETS["categorised"].categories(root_of("categorised"))["noun"]
    by_name = dict(zip((noun.name for noun in NOUNS), nouns, strict=True))
    assert (by_name["carrot"], by_name["onion"], by_name["tap"]) == ("vegetables", "vegetables", "appliances")


@pytest.mark.parametrize(
    ("encode", "kind"), [(encoded_mp4, ("mov,mp4,m4a,3gp,3g2,mj2", "h264")), (encoded_avi, ("avi", "mpeg4"))]
)
def test_an_encoded_file_has_the_frames(encode: Callable[..., bytes], kind: tuple[str, str]) -> None:
    with av.open(io.BytesIO(encode(FRAMES, rate=12)), "r") as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert (container.format.name, stream.codec_context.name) == kind and stream.average_rate == 12
        pictures = [PictureType(frame.pict_type).name for frame in frames]
    decoded = np.stack([frame.to_ndarray(format="rgb24") for frame in frames])
    luma = [part.mean(-1).astype(float) for part in (decoded, FRAMES)]
    assert np.abs(luma[0] - luma[1]).mean() < 12  # the colours of neighbouring blocks are mixed
    assert kind[0] == "avi" or ({"I", "B", "P"} <= set(pictures) and pictures.count("I") >= 2)
