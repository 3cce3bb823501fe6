"""The two released X-ViT checkpoints (https://github.com/1adrianb/video-transformers) and their rows."""

from data.sampling.strides import StridedSampling
from data.video_data import VideoData
from experiments.spec.language import RunConfig
from experiments.spec.released import ReleasedFile, ReleasedWeights
from models.xvit.mixing import SpaceTimeMixing
from models.xvit.model import XViT

# fmt: off
FILES = (
    ReleasedFile("xvit_b16_16_k600", "xvit/zoo:k600", "top1"),
    ReleasedFile("xvit_b16_16_ss2",  "xvit/zoo:ssv2", "top1"),
)
# fmt: on


def expected_settings(run: RunConfig) -> dict[str, object]:
    """Settings of a run that the tensors of a file do not determine, under the authors' names."""
    assert isinstance(run.model, XViT.Config) and isinstance(run.data, VideoData)
    attention, sampling = run.model.attention, run.data.sampling
    settings: dict[str, object] = {"NUM_FRAMES": run.data.frames, "TRAIN_CROP_SIZE": run.data.crop}
    if isinstance(sampling, StridedSampling.Config):  # segment sampling has no rate
        settings["SAMPLING_RATE"] = sampling.stride
    settings["SHIFT_DIV"] = 0  # no channels of other frames
    if isinstance(attention, SpaceTimeMixing.Config):
        settings["NUM_SEGMENTS"] = attention.segment(run.data.frames)
        if attention.window and attention.fraction:
            settings["SHIFT_DIV"] = round(2 / attention.fraction)
    return settings


RELEASED = ReleasedWeights(
    files=FILES,
    location="https://www.adrianbulat.com/downloads/NeurIPS2021/models",
    suffix=".pth",
    expected_settings=expected_settings,
)
