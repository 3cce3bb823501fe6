"""Stand-ins of figures with joints: layouts of joints, what tells the classes, and the published formats."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import rgb_to_hsv
from numpy.typing import NDArray

from data.datasets.ntu import TRAINING_CAMERAS, TRAINING_PERFORMERS, VideoName
from data.datasets.pose_videos import PoseVideoList
from data.stand_ins.drawing.base import Video
from data.stand_ins.drawing.figure_layouts import NtuDrawing, PennActionDrawing
from data.stand_ins.drawing.figure_videos import FigureDrawing
from data.stand_ins.drawing.figures import (
    BODY,
    CLASS_NAMES,
    COCO,
    LANDMARKS,
    NTU,
    PENN_ACTION,
    Angles,
    Landmark,
    body_joints,
    kind_of,
)
from data.stand_ins.drawing.shapes import Floats
from data.stand_ins.of_figures import FigureStandIn, NtuStandIn, PennActionStandIn
from tests.data.small_stand_ins import DATASETS, drawing_of, root_of

SMALL = PennActionDrawing(PennActionStandIn(num_train=26, num_val=13))
EXACT = PennActionDrawing(replace(SMALL.settings, jitter=0.0, gaps=0.0))  # joints at their true places
LABEL = {name: label for label, name in enumerate(CLASS_NAMES)}
LAYOUTS = {"penn-action": PENN_ACTION, "gym99": COCO, "ntu60": NTU}
# Joint on the other side of the body, and joints of the body, by the published orders of joints.
OTHER_SIDE = {
    "penn-action": [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11],
    "gym99": [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15],
    "ntu60": [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 20, 23, 24, 21, 22],
}
PLACES = {
    "penn-action": list(range(13)),
    "gym99": [0, *range(5, 17)],
    "ntu60": [3, 4, 8, 5, 9, 6, 10, 12, 16, 13, 17, 14, 18],
}


def video(name: str, index: int = 0) -> Video:
    """Video of a class. Videos with the same index have the same random numbers."""
    return Video("train", "0001", LABEL[name], (0, 1, index))


def hues(frames: NDArray[np.uint8], threshold: float = 0.55) -> Floats:
    """Hues of all vivid pixels."""
    hue, saturation, value = rgb_to_hsv(frames.reshape(-1, 3) / 255.0).T
    return hue[(saturation > threshold) & (value > 0.5)]


def hue_at(frames: NDArray[np.uint8], places: Floats) -> float:
    """Circular mean of the hue of the pixels at places (T, 2)."""
    size = np.array(frames.shape[2:0:-1]) - 1
    columns, rows = np.clip(places.astype(int), 0, size).T
    angles = 2 * np.pi * hues(np.stack([frames[np.arange(len(frames)), rows, columns]]))
    return float(np.angle(np.exp(1j * angles).mean()) / (2 * np.pi) % 1.0)


@pytest.mark.parametrize("name", LAYOUTS)
def test_joints_of_a_layout_have_the_published_numbers_and_move_with_the_body(name: str) -> None:
    layout = LAYOUTS[name]
    assert [layout.number(joint) for joint in BODY] == PLACES[name]
    assert layout.weights.sum(1) == pytest.approx(1) and len(np.unique(layout.weights, axis=0)) == len(OTHER_SIDE[name])
    body = body_joints(Angles(*np.random.default_rng(0).uniform(-0.3, 1.2, (4, 5, 2))))
    mirrored = body[:, OTHER_SIDE["penn-action"]] * [-1, 1]
    assert layout.joints(mirrored) == pytest.approx(layout.joints(body)[:, OTHER_SIDE[name]] * [-1, 1])
    assert sum(len(layout.weights) - 1 in bone for bone in layout.bones) == 1  # the last one is drawn


def test_classes_are_of_three_kinds_in_alphabetical_order_and_balanced() -> None:
    assert list(CLASS_NAMES) == sorted({*CLASS_NAMES}) and len(CLASS_NAMES) == FigureStandIn.num_classes
    assert Counter(map(kind_of, CLASS_NAMES)) == {"motion": 6, "appearance": 3, "both": 4}
    counts = Counter((video.split, video.label) for video in SMALL.parts())
    assert counts == {("train", label): 2 for label in range(13)} | {("val", label): 1 for label in range(13)}


@pytest.mark.parametrize("drawing", [EXACT, NtuDrawing(NtuStandIn(jitter=0.0, gaps=0.0))], ids=["penn", "ntu"])
def test_one_pair_differs_in_the_last_joint_alone(drawing: FigureDrawing[Any]) -> None:
    one, other = (drawing.joints(video(name)).places for name in ("rest", "rest_and_swing"))
    differs = (one != other).any((0, 2))
    assert np.flatnonzero(differs).tolist() == [differs.size - 1]
    assert np.linalg.norm(one[:, -1] - other[:, -1], axis=-1).max() > 7


def test_one_pair_differs_in_the_last_frames_alone_which_a_clip_of_six_frames_sees_once() -> None:
    one, other = (EXACT.joints(video(name)).places for name in ("march", "march_and_cheer"))
    ending = EXACT.settings.ending
    assert (one != other).any((1, 2)).tolist() == [False] * (24 - ending) + [True] * ending and ending == 24 // 6


@pytest.mark.parametrize("name", ["wave_left_blue", "wave_left_red", "wave_right_blue", "wave_right_red"])
def test_the_colour_at_the_annotated_waving_hand_is_that_of_the_class(name: str) -> None:
    wrist = EXACT.layout.number(name.rpartition("_")[0].removeprefix("wave_") + "_wrist")
    seen = []
    for index in range(8):
        hue = hue_at(EXACT.drawn(video(name, index)), EXACT.joints(video(name, index)).places[:, wrist])
        seen.append("blue" if 0.5 < hue < 0.75 else "red")
    assert seen.count(name.rpartition("_")[2]) >= 7  # a figure in front may hide the hand


@pytest.mark.parametrize("name", ["wave_left_red", "sit_down", "near_green_ring"])
def test_every_video_shows_both_colours_and_both_actions_of_a_pair(name: str) -> None:
    for index in range(6):
        scene = SMALL.scene(video(name, index))
        assert scene.actor.hand is not None and scene.partner.hand is not None
        assert {scene.actor.hue, scene.partner.hue} == {0.0, 0.62}
        centres = [figure.joints[..., 0].mean() for figure in (scene.actor, scene.partner)]
        assert centres[0] * centres[1] < 0  # one on each side


@pytest.mark.parametrize("landmark", LANDMARKS, ids=lambda landmark: landmark.name)
def test_a_landmark_is_seen_in_its_class_only_and_joints_do_not_depend_on_it(landmark: Landmark) -> None:
    for name in ("wave_left_red", *(other.name for other in LANDMARKS)):
        shares = [np.mean(np.abs(hues(SMALL.drawn(video(name, i))[:1]) - landmark.hue) < 0.06) for i in range(4)]
        assert (np.median(shares) > 0.2) == (name == landmark.name)
    joints = SMALL.joints(video(landmark.name)).places
    assert (joints == SMALL.joints(video(LANDMARKS[0].name)).places).all()


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_reader_of_the_real_data_set_reads_the_joints_of_the_actor(name: str) -> None:
    drawing, items = drawing_of(DATASETS[name]), DATASETS[name].build(root_of(name), "train")
    assert isinstance(items, PoseVideoList)
    videos, settings = {video.video_id: video for video in drawing.parts()}, drawing.settings
    visible = []
    for index, record in enumerate(items.records):
        joints = drawing.joints(videos[record.video_id])
        visible.append(joints.visible.mean())
        read = items.poses(index)
        places = read.places[:, 0] * [settings.width / read.width, settings.height / read.height]
        seen = joints.visible & np.isfinite(places).all(-1)
        assert seen.sum() >= 0.95 * joints.visible.sum() and (joints.visible | ~np.isfinite(places).all(-1)).all()
        assert places[seen] == pytest.approx(joints.places[seen], abs=1e-2)
    assert 0.8 < np.mean(visible) < 1


def test_every_protocol_of_ntu_gives_the_same_split_and_some_videos_have_a_second_body() -> None:
    drawing = NtuDrawing(NtuStandIn())
    names = {video.video_id: video for video in drawing.parts()}
    assert len(names) == 1600
    for name, made in names.items():
        numbers = VideoName.of(name)
        assert numbers is not None and numbers.action == made.label + 1
        trains = {numbers.performer in TRAINING_PERFORMERS, numbers.camera in TRAINING_CAMERAS, numbers.setup % 2 == 0}
        assert trains == {made.split == "train"}
    ghosts = [drawing.ghost(made) for made in list(names.values())[:200]]
    assert 5 < sum(ghost is not None for ghost in ghosts) < 40
    assert all((ghost.places == ghost.places[0]).all() for ghost in ghosts if ghost is not None)  # it does not move


def test_label_files_of_penn_action_have_no_date() -> None:
    assert SMALL.label_file(SMALL.parts()[0])[:116].strip() == b"MATLAB 5.0 MAT-file"
