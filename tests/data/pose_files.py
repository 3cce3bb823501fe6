"""Small files in the layouts of data sets with joints. Frames show a square in the colour of each joint."""

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat
from torch import Tensor

from data.config import Split
from data.datasets.penn_action import JOINTS as NAMES
from data.datasets.pose_videos import PoseDatasetConfig, PoseVideoList

HEIGHT, WIDTH, JOINTS = 120, 160, 13
HALF = 5  # half the side of a square
GREY = 128
LEVELS = (0, 255)
# Far from each other and from grey: 8 corners of the cube of colours, and 5 centres of its faces.
COLOURS = np.array(
    [[r, g, b] for r in LEVELS for g in LEVELS for b in LEVELS]
    + [[GREY, GREY, 0], [GREY, GREY, 255], [GREY, 0, GREY], [GREY, 255, GREY], [0, GREY, GREY]]
)

Places = NDArray[np.float64]


def places(frames: int, seed: int = 0) -> Places:
    """Places (F, 13, 2) of joints on a grid, each with its own small path. The middle of the first pixel is 0.5."""
    rng = np.random.default_rng(seed)
    row, column = np.divmod(rng.permutation(20)[:JOINTS], 5)
    start = np.stack([16 + 32 * column, 15 + 30 * row], -1) + rng.uniform(-3, 3, (JOINTS, 2))
    return start + np.linspace(0, 1, frames)[:, None, None] * rng.uniform(-6, 6, (JOINTS, 2))


def drawn(joints: Places) -> NDArray[np.uint8]:
    """Frames (F, HEIGHT, WIDTH, 3), grey but for the squares of the joints."""
    frames = np.full((len(joints), HEIGHT, WIDTH, 3), GREY, np.uint8)
    for frame, of_frame in zip(frames, joints, strict=True):
        for (x, y), colour in zip(of_frame.astype(int), COLOURS, strict=True):
            frame[max(y - HALF, 0) : y + HALF + 1, max(x - HALF, 0) : x + HALF + 1] = colour
    return frames


def assert_colours_are_those_of_the_joints(clip: Tensor, joints: Tensor, least: int) -> None:
    """Check the colours at the joints well inside a clip (F, 3, side, side), which must be so many at least."""
    found, side = [], clip.shape[-1]
    for frame, of_frame in zip(clip, joints, strict=True):
        for joint, (x, y, valid) in enumerate(of_frame.tolist()):
            if valid and min(x, y) > 1 and max(x, y) < side - 1:
                colour = frame[:, int(y), int(x)].numpy().astype(int)
                found.append(int(np.abs(COLOURS - colour).sum(-1).argmin()) == joint)
    assert len(found) >= least and all(found)


def read(config: PoseDatasetConfig, root: Path, split: Split) -> PoseVideoList:
    videos = config.build(root, split)
    assert isinstance(videos, PoseVideoList)
    return videos


def write_mat(path: Path, joints: Places, **fields: object) -> None:
    """Label file of Penn Action, with other fields in place of the usual ones. A field that is None is left out."""
    frames = len(joints)
    usual: dict[str, object] = {
        "action": "squats",
        "pose": "front",
        "x": joints[..., 0] + 0.5,
        "y": joints[..., 1] + 0.5,
        "visibility": np.ones((frames, JOINTS), bool),
        "train": 1,
        "bbox": np.ones((frames, 4)),
        "dimensions": np.array([HEIGHT, WIDTH, frames]),
        "nframes": frames,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {name: value for name, value in (usual | fields).items() if value is not None}
    savemat(path, content, do_compression=True)


def write_penn(root: Path) -> dict[str, Places]:
    """Penn Action with four training and two test videos of two classes; returns the places of the joints by name."""
    found = {}
    for number in range(1, 7):
        action, train, name = ("squats", "bowl")[number % 2], 1 if number <= 4 else -1, f"{number:04d}"
        joints = found[name] = places(12 + number, seed=number)
        folder = root / "frames" / name
        folder.mkdir(parents=True)
        for picture, frame in enumerate(drawn(joints), start=1):
            Image.fromarray(frame).save(folder / f"{picture:06d}.jpg", quality=95, subsampling=0)
        write_mat(root / "labels" / f"{name}.mat", joints, action=action, train=train)
    return found


def skeleton_text(bodies: Sequence[Mapping[str, Places]]) -> str:
    """Text of a `.skeleton` file.

    Args:
        bodies: for each frame, the places (25, 2) of each body in the picture, by its id.
    """
    lines = [str(len(bodies))]
    for of_frame in bodies:
        lines.append(str(len(of_frame)))
        for body, joints in of_frame.items():
            lines += [f"{body} 0 1 1 1 1 0 0.1 0.2 2", str(len(joints))]
            lines += [f"0.1 0.2 3.4 200.5 180.5 {x:.7g} {y:.7g} 0 0 0 1 2" for x, y in joints.tolist()]
    return "\n".join(lines) + "\n"


def walking(frames: int, seed: int = 0, spread: float = 100.0) -> Places:
    """Places (F, 25, 2) of one body in a picture of 1920 x 1080 pixels."""
    return np.random.default_rng(seed).uniform(
        [960 - spread, 540 - spread], [960 + spread, 540 + spread], (frames, 25, 2)
    )


def pose_annotation(name: str, joints: Places, scores: Places) -> dict[str, object]:
    """Annotation of a pickle of poses: joints (people, frames, 17, 2), and scores (people, frames, 17)."""
    return {
        "frame_dir": name,
        "label": 0,
        "img_shape": (HEIGHT, WIDTH),
        "original_shape": (HEIGHT, WIDTH),
        "total_frames": joints.shape[1],
        "keypoint": joints.astype(np.float16),
        "keypoint_score": scores.astype(np.float16),
    }


def write_poses(path: Path, annotations: Sequence[object]) -> None:
    """Pickle of poses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [a["frame_dir"] for a in annotations if isinstance(a, dict) and "frame_dir" in a]
    path.write_bytes(pickle.dumps({"split": {"train": names}, "annotations": list(annotations)}))


assert len(NAMES) == JOINTS == len(COLOURS)
