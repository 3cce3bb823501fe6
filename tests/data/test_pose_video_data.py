"""Clips with joints: in a picture with a dot at each joint, the dot is where the joint is after every transform."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from data.datasets.finegym import FineGym
from data.datasets.ntu import Ntu
from data.datasets.penn_action import PennAction
from data.datasets.pose_videos import PoseDatasetConfig, masked, moved
from data.errors import DecodeError
from data.items import Draw
from data.pose_video_data import PoseVideoData
from data.sampling.segments import SegmentSampling, UniformSampling
from data.transforms.composed_augmentation import ComposedAugmentation
from data.transforms.pixels import Augmentation, AugmentationConfig
from data.transforms.rand_augment import RandAugment
from data.transforms.tracked_frames import Geometry
from interface.evaluation import EvalConfig
from interface.sizes import PoseClipSize
from tests.data.numbered_videos import write_video
from tests.data.pose_files import (
    JOINTS,
    Places,
    assert_colours_are_those_of_the_joints,
    read,
    skeleton_text,
    walking,
    write_mat,
)

Written = dict[str, Places]
PLAIN = Augmentation.Config(color_jitter=0.0)
DATA = PoseVideoData(dataset=PennAction.Config(num_classes=2), frames=5, crop=96, augmentation=PLAIN)
PROTOCOL = EvalConfig(views=1, crops=3)


# Joints and pixels


def unflipped(clip: Tensor, joints: Tensor) -> tuple[Tensor, Tensor]:
    """Joints in the slots of the drawn colours: a flip swaps left and right joints, and no colours."""
    return clip, joints[:, list(DATA.dataset.mirrored)]


@pytest.mark.parametrize(
    ("augmentation", "least"),
    [
        (replace(PLAIN, flip=0.0), 10),
        (replace(PLAIN, flip=1.0), 10),
        (replace(PLAIN, flip=0.0, resized_crop=True), 5),
        (ComposedAugmentation.Config(auto_augment=None, flip=1.0), 15),
    ],
)
def test_the_dot_of_each_joint_is_where_the_joint_is_after_training_transforms(
    augmentation: AugmentationConfig, least: int, penn: Path, written: Written
) -> None:
    items = replace(DATA, augmentation=augmentation).train_items(read(DATA.dataset, penn, "train"), seed=0)
    for draw in (Draw(epoch, place) for epoch in range(3) for place in range(4)):
        clip, joints = items[draw].inputs
        assert clip.shape == (5, 3, 96, 96) and clip.dtype == torch.uint8
        assert joints.shape == (5, JOINTS, 3) and joints.dtype == torch.float32
        is_flipped = augmentation.flip == 1.0  # pyright: ignore[reportAttributeAccessIssue]
        assert_colours_are_those_of_the_joints(*(unflipped(clip, joints) if is_flipped else (clip, joints)), least)


def test_joints_are_those_of_the_sampled_frames_in_training_and_test(penn: Path, written: Written) -> None:
    whole = replace(DATA, frames=4, crop=120, augmentation=replace(PLAIN, short_side=(120, 120), flip=0.0))
    train, test = read(DATA.dataset, penn, "train"), read(DATA.dataset, penn, "test")
    indices = SegmentSampling.Config(nominal_fps=None).build(4).segment_ends(17)
    middles = [(a + b) // 2 for a, b in pairwise(indices)]
    _, joints = whole.test_items(test, EvalConfig(views=1, crops=1))[0].inputs
    x, y, valid = joints[0].unbind(-1)
    expected = written["0005"][middles] - [20, 0]  # the middle crop of 160 columns
    assert torch.allclose(x[valid > 0], torch.from_numpy(expected[..., 0]).float()[valid > 0], atol=1e-3)
    assert torch.allclose(y[valid > 0], torch.from_numpy(expected[..., 1]).float()[valid > 0], atol=1e-3)
    drawn = {tuple(whole.train_items(train, 0)[Draw(epoch, 0)].inputs[1][:, 0, 0].tolist()) for epoch in range(4)}
    assert len(drawn) > 1


def test_joints_outside_of_the_clip_and_hidden_ones_have_no_place() -> None:
    places = torch.tensor([[[-0.1, 5.0], [0.0, 0.0], [32.0, 32.0], [5.0, 32.1], [5.0, 5.0]]])
    is_visible = torch.tensor([[True, True, True, True, False]])
    joints = moved(masked(places, is_visible), Geometry(), torch.arange(5), 32)
    assert joints[0].tolist() == [[0, 0, 0], [0, 0, 1], [32, 32, 1], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("config", "places"),
    [
        (DATA.dataset, {"head": 0, "left shoulder": 1, "right shoulder": 2, "right ankle": 12}),
        (FineGym.Config(), {"nose": 0, "left ear": 3, "left shoulder": 5, "right ankle": 16}),
        (
            Ntu.Config(people=1),
            {"left shoulder": 4, "right shoulder": 8, "left hip": 12, "right foot": 19, "right thumb": 24},
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_joints_are_in_the_published_order_and_mirrored_by_their_names(
    config: PoseDatasetConfig, places: dict[str, int]
) -> None:
    assert {name: config.joints.index(name) for name in places} == places
    assert config.num_joints == len(config.joints) == len(config.mirrored)
    swap = {"left": "right", "right": "left"}
    for name, other in zip(config.joints, config.mirrored, strict=True):
        side, _, rest = name.partition(" ")
        assert config.joints[other] == (f"{swap[side]} {rest}" if side in swap else name)


# Config


def test_the_number_of_test_frames_may_differ(penn: Path, written: Written) -> None:
    protocol = replace(PROTOCOL, frames=9)
    assert DATA.test_size(protocol) == PoseClipSize(9, 96, 96, 13)
    for sampling in (DATA.sampling, UniformSampling.Config()):
        items = replace(DATA, sampling=sampling).test_items(read(DATA.dataset, penn, "test"), protocol)
        clips, joints = items[0].inputs
        assert clips.shape[1] == joints.shape[1] == 9
        assert [part.shape for part in items.blank_inputs()] == [clips.shape, joints.shape]
        for clip, of_crop in zip(clips, joints, strict=True):
            assert_colours_are_those_of_the_joints(clip, of_crop, 30)
        assert joints[..., 2].sum((1, 2)).max() < 9 * JOINTS  # some joints are outside of each crop


def test_augmentations_that_joints_cannot_follow_are_refused() -> None:
    DATA.check(PROTOCOL)
    warps = {"rand_augment": Augmentation.Config(rand_augment=RandAugment.Config())}
    for name, augmentation in (warps | {"auto_augment": ComposedAugmentation.Config()}).items():
        with pytest.raises(ValueError, match=rf"^data\.augmentation\.{name} rotates and shears, .*; set it to None"):
            replace(DATA, augmentation=augmentation).check(PROTOCOL)


# Files, examination and unreadable items


def test_examination_reads_video_and_joints_and_compares_their_lengths(penn: Path, written: Written) -> None:
    videos = read(DATA.dataset, penn, "train")
    facts = DATA.examine(videos, 0)
    assert (facts.frames, facts.short_side) == (13, 120)
    names = ("frames/0001/000001.jpg", "frames/0001/000013.jpg", "labels/0001.mat")
    assert DATA.files(videos)[0] == tuple(f"{penn}/{name}" for name in names)
    write_mat(penn / "labels/0001.mat", written["0001"][:-1], action="bowl", nframes=13)
    with pytest.raises(DecodeError, match=r"labels/0001\.mat: joints of 12 frames, but the video has 13: "):
        DATA.examine(videos, 0)
    item = DATA.test_items(read(DATA.dataset, penn, "train"), PROTOCOL)[0]
    assert item.unreadable and [part.dtype for part in item.inputs] == [torch.uint8, torch.float32]
    (penn / "frames/0002/000014.jpg").unlink()
    with pytest.raises(DecodeError, match=r"/frames/0002: 13 pictures without 000014\.jpg, but 14 frames are"):
        DATA.examine(videos, 1)


# Encoded videos


def test_joints_follow_the_frames_of_encoded_videos(tmp_path: Path) -> None:
    root = tmp_path / "ntu"
    for name, frames in (("S001C001P001R001A001", 10), ("S001C001P003R001A002", 8)):
        body = walking(frames)
        body[:, 0] = np.stack([480 + 96 * np.arange(frames), np.full(frames, 540)], -1)  # of 1920 x 1080 pixels
        (root / "skeletons").mkdir(parents=True, exist_ok=True)
        text = skeleton_text([{"1": frame} for frame in body])
        (root / f"skeletons/{name}.skeleton").write_text(text)
        write_video(root / f"rgb/{name}_rgb.mp4", frames)
    data = PoseVideoData(dataset=Ntu.Config(num_classes=2), frames=5, crop=48)
    videos = read(data.dataset, root, "test")
    _, joints = data.test_items(videos, EvalConfig(views=1, crops=1, short_side=48))[0].inputs
    assert joints.shape == (1, 5, 50, 3)
    expected = 128 / 1920 * (480 + 96 * np.array([0, 2, 3, 5, 6])) - 40  # the crop of 48 of 128 columns starts at 40
    is_inside = expected >= 0
    assert is_inside.tolist() == [False, True, True, True, True]
    np.testing.assert_allclose(joints[0, :, 0, 0].numpy(), np.where(is_inside, expected, 0), atol=0.05)
    assert joints[0, torch.from_numpy(is_inside), 0, 1].tolist() == [24.0] * is_inside.sum()
    assert data.examine(videos, 0).frames == 8
    write_video(root / "rgb/S001C001P003R001A002_rgb.mp4", 12)
    with pytest.raises(DecodeError, match="joints of 8 frames, but the video has 12: "):
        data.examine(videos, 0)
