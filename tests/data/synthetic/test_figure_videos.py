import colorsys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from data.synthetic.figure_videos import FigureStandIn, pixels
from data.synthetic.figures import ACTION_OF, CLASS_NAMES, LANDMARKS, Landmark
from data.synthetic.ntu import NtuStandIn
from data.synthetic.penn_action import PennActionStandIn
from data.synthetic.shapes import Floats
from data.synthetic.videos import Video

SMALL = PennActionStandIn(num_train=26, num_val=13)
EXACT = replace(SMALL, jitter=0.0, gaps=0.0)  # joints at their true places
LABEL = {name: label for label, name in enumerate(CLASS_NAMES)}


def video(name: str, index: int = 0) -> Video:
    """Video of a class. Videos with the same index have the same random numbers."""
    return Video("train", "0001", LABEL[name], (0, 1, index))


def hues(frames: NDArray[np.uint8], threshold: float = 0.55) -> Floats:
    """Hues of all vivid pixels."""
    vivid = [colorsys.rgb_to_hsv(*(pixel / 255.0)) for pixel in frames.reshape(-1, 3)]
    return np.array([hue for hue, saturation, value in vivid if saturation > threshold and value > 0.5])


def hue_at(frames: NDArray[np.uint8], places: Floats) -> float:
    """Circular mean of the hue of the pixels at places (T, 2)."""
    size = np.array(frames.shape[2:0:-1]) - 1
    columns, rows = np.clip(places.astype(int), 0, size).T
    angles = 2 * np.pi * hues(np.stack([frames[np.arange(len(frames)), rows, columns]]))
    return float(np.angle(np.exp(1j * angles).mean()) / (2 * np.pi) % 1.0)


def test_classes_are_balanced_in_both_splits() -> None:
    counts = Counter((video.split, video.label) for video in SMALL.videos())
    assert counts == {("train", label): 2 for label in range(13)} | {("val", label): 1 for label in range(13)}
    assert len({video.video_id for video in SMALL.videos()}) == 39
    assert SMALL.num_classes == len(SMALL.class_names) == 13


def test_joints_without_a_place_are_zero_and_the_others_are_inside_of_the_picture() -> None:
    clips = [SMALL.joints(video) for video in SMALL.videos()]
    places, visible = np.stack([c.places for c in clips]), np.stack([c.visible for c in clips])
    assert places.shape == (39, 24, 13, 2)
    assert not places[~visible].any()
    assert (places >= 0).all() and (places <= 64).all()
    assert 0.85 < visible.mean() < 0.99
    assert not visible.any(-1).all()  # some frames have no joints at all
    assert EXACT.joints(video("rest")).visible.all()


@pytest.mark.parametrize("stand_in", [EXACT, NtuStandIn(jitter=0.0, gaps=0.0)], ids=["penn", "ntu"])
def test_one_pair_differs_in_the_last_joint_alone(stand_in: FigureStandIn) -> None:
    one, other = (stand_in.joints(video(name)).places for name in ("rest", "rest_and_swing"))
    differs = (one != other).any((0, 2))
    assert np.flatnonzero(differs).tolist() == [differs.size - 1]
    assert np.linalg.norm(one[:, -1] - other[:, -1], axis=-1).max() > 7


@pytest.mark.parametrize("ending", [2, 5])
def test_one_pair_differs_in_the_last_frames_alone(ending: int) -> None:
    stand_in = replace(EXACT, ending=ending)
    one, other = (stand_in.joints(video(name)).places for name in ("march", "march_and_cheer"))
    assert (one != other).any((1, 2)).tolist() == [False] * (24 - ending) + [True] * ending


def test_a_clip_of_six_frames_sees_the_ending_in_its_last_frame_only_wherever_it_is_drawn() -> None:
    segment = 24 // 6
    for place in range(6):
        drawn = range(segment * place, segment * (place + 1))
        assert {index >= 24 - SMALL.ending for index in drawn} == {place == 5}


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
        assert scene.actor.held is not None and scene.partner.held is not None
        assert {scene.actor.held.hue, scene.partner.held.hue} == {0.0, 0.62}
        assert len(scene.passers) == 1
        centres = [figure.joints[..., 0].mean() for figure in (scene.actor, scene.partner)]
        assert centres[0] * centres[1] < 0  # one on each side
    scene = SMALL.scene(video("sit_down"))
    actor, partner = (figure.joints[-1, 0, 1] - figure.joints[0, 0, 1] for figure in (scene.actor, scene.partner))
    assert actor > 0.1 > -0.1 > partner  # heads, downwards


def test_sides_and_facing_of_the_actor_are_random() -> None:
    layout = SMALL.layout
    left, right = layout.number("left_shoulder"), layout.number("right_shoulder")
    scenes = [SMALL.scene(video("wave_left_red", index)) for index in range(200)]
    for figures in ([scene.actor for scene in scenes], [scene.partner for scene in scenes]):
        assert 0.4 < np.mean([figure.joints[..., 0].mean() > 0 for figure in figures]) < 0.6
        assert 0.4 < np.mean([figure.joints[0, left, 0] > figure.joints[0, right, 0] for figure in figures]) < 0.6


@pytest.mark.parametrize("landmark", LANDMARKS, ids=lambda landmark: landmark.name)
def test_the_colour_of_a_landmark_is_seen_in_its_class_only(landmark: Landmark) -> None:
    for name in ("wave_left_red", *(other.name for other in LANDMARKS)):
        shares = [np.mean(np.abs(hues(SMALL.drawn(video(name, i))[:1]) - landmark.hue) < 0.06) for i in range(4)]
        assert (np.median(shares) > 0.2) == (name == landmark.name)


def test_joints_do_not_depend_on_the_landmark() -> None:
    places = [SMALL.joints(video(landmark.name)).places for landmark in LANDMARKS]
    assert (places[0] == places[1]).all() and (places[0] == places[2]).all()


def test_the_actor_performs_any_action_beside_a_landmark() -> None:
    thighs = []
    for index in range(40):
        actor = SMALL.scene(video("near_green_ring", index)).actor.joints
        thighs.append(actor[:, SMALL.layout.number("head"), 1].std())
    assert np.std(thighs) > 0.02


def test_places_count_from_the_corner_of_the_picture() -> None:
    camera = EXACT.scene(video("rest")).camera
    assert pixels(camera, camera.corner[:, None]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("field", "bad"),
    [("gaps", 1.1), ("jitter", -0.1), ("noise", float("nan")), ("passers", -1), ("clutter", 10**24), ("width", 33)],
)
def test_other_settings_out_of_range_are_refused(field: str, bad: float) -> None:
    with pytest.raises(ValueError, match=rf"data.dataset.stand_in.{field} is "):
        PennActionStandIn(**{field: bad})  # pyright: ignore[reportArgumentType]


def test_every_action_can_be_drawn_at_other_sizes() -> None:
    stand_in = PennActionStandIn(height=32, width=48, frames=4, ending=1)
    for name in (*ACTION_OF, LANDMARKS[0].name):
        assert stand_in.drawn(video(name)).shape == (4, 32, 48, 3)
