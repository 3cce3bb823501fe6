"""The 16 released Motionformer checkpoints (https://github.com/facebookresearch/Motionformer) and their rows.

The link of k600_motionformer_336_16x8 was reported broken. The released config of that row is named 336_16x4.
"""

from data.sampling.strides import DenseSampling
from data.video_data import VideoData
from experiments.spec.language import RunConfig
from experiments.spec.released import ReleasedFile, ReleasedWeights
from models.mixers.trajectory import TrajectoryAttention
from models.motionformer.model import Motionformer

# fmt: off
FILES = (
    ReleasedFile("k400_joint_224_16x4",         "motionformer/table4:joint",       "k400"),
    ReleasedFile("k400_divided_224_16x4",       "motionformer/table4:divided",     "k400"),
    ReleasedFile("k400_motionformer_224_16x4",  "motionformer/table6b:mformer",    "top1"),
    ReleasedFile("k400_motionformer_336_16x8",  "motionformer/table6b:mformer-hr", "top1"),
    ReleasedFile("k400_motionformer_224_32x3",  "motionformer/table6b:mformer-l",  "top1"),
    ReleasedFile("k600_motionformer_224_16x4",  "motionformer/table6d:mformer",    "top1"),
    ReleasedFile("k600_motionformer_336_16x8",  "motionformer/table6d:mformer-hr", "top1"),
    ReleasedFile("k600_motionformer_224_32x3",  "motionformer/table6d:mformer-l",  "top1"),
    ReleasedFile("ssv2_joint_224_16x4",         "motionformer/table4:joint",       "ssv2"),
    ReleasedFile("ssv2_divided_224_16x4",       "motionformer/table4:divided",     "ssv2"),
    ReleasedFile("ssv2_motionformer_224_16x4",  "motionformer/table6a:mformer",    "top1"),
    ReleasedFile("ssv2_motionformer_336_16x4",  "motionformer/table6a:mformer-hr", "top1"),
    ReleasedFile("ssv2_motionformer_224_32x3",  "motionformer/table6a:mformer-l",  "top1"),
    ReleasedFile("ek_motionformer_224_16x4",    "motionformer/table6c:mformer",    "action"),
    ReleasedFile("ek_motionformer_336_16x4",    "motionformer/table6c:mformer-hr", "action"),
    ReleasedFile("ek_motionformer_224_32x3",    "motionformer/table6c:mformer-l",  "action"),
)
# fmt: on


def expected_settings(run: RunConfig) -> dict[str, object]:
    """Settings of a run that the tensors of a file do not determine, under the authors' names."""
    assert isinstance(run.model, Motionformer.Config) and isinstance(run.data, VideoData)
    attention, sampling = run.model.attention, run.data.sampling
    settings: dict[str, object] = {"NUM_FRAMES": run.data.frames, "TRAIN_CROP_SIZE": run.data.crop}
    if isinstance(sampling, DenseSampling.Config):  # segment sampling has no rate
        settings["SAMPLING_RATE"] = sampling.stride
    if isinstance(attention, TrajectoryAttention.Config) and attention.approximation is None:
        settings["APPROX_ATTN_TYPE"] = "none"
    return settings


RELEASED = ReleasedWeights(
    files=FILES,
    location="https://dl.fbaipublicfiles.com/motionformer",
    suffix=".pyth",
    expected_settings=expected_settings,
)
