"""Numbers of scores of full attention and of stride attention (Tables A1 and A2).

Supplementary of https://arxiv.org/abs/2212.05638. Its terms O(T^2 wnd^2) and O(wnd^2 D_n^2) are those of one window,
without modal tokens. A score is a pair of a query and a key in one head.
T frames, R joints, D_n tokens of a frame with its three modal tokens, D width.
"""

from models.deform3d.joint_stride import MODAL
from models.deform3d.windows import Windows


def full_joint_pairs(frames: int, joints: int) -> int:
    """Scores of attention of all pose tokens, M_pose and M_CLS of a clip: (T (R + 2))^2."""
    return (frames * (joints + MODAL)) ** 2


def joint_stride_pairs(frames: int, joints: int, windows: Windows.Config) -> int:
    """Scores of joint stride attention: (T (w + 2))^2 in each window."""
    on_joints = windows.build(joints)
    return len(on_joints) * full_joint_pairs(frames, on_joints.width)


def full_temporal_pairs(frames: int, tokens: int) -> int:
    """Scores of attention of all tokens of a clip: (T D_n)^2.

    Args:
        tokens: number of tokens of a frame, D_n.
    """
    return (frames * tokens) ** 2


def temporal_stride_pairs(frames: int, tokens: int, windows: Windows.Config) -> int:
    """Scores of temporal stride attention: (w D_n)^2 in each window.

    Args:
        tokens: number of tokens of a frame, D_n.
    """
    on_frames = windows.build(frames)
    return len(on_frames) * full_temporal_pairs(on_frames.width, tokens)


def multiply_adds(pairs: int, width: int) -> int:
    """Multiply-adds of the scores and of the sums of values, of all heads together, without projections."""
    return 2 * pairs * width
