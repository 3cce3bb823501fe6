"""The two released X-ViT checkpoints (https://github.com/1adrianb/video-transformers) and their rows."""

from data.strided_sampling import StridedSampling
from data.video import VideoData
from experiments.spec.released import ReleasedFile, ReleasedWeights, checked_settings
from experiments.spec.run import RunConfig
from models.xvit.mixing import SpaceTimeMixing
from models.xvit.model import XViT

# fmt: off
FILES = (
    ReleasedFile("xvit_b16_16_k600", "xvit/zoo:k600", "top1"),
    ReleasedFile("xvit_b16_16_ss2",  "xvit/zoo:ssv2", "top1"),
)
# fmt: on


def stated_settings(run: RunConfig, settings: str) -> dict[str, str]:
    """Settings stated in a released file that its tensors do not determine.

    Args:
        settings: settings text of the file, as YAML.

    Raises:
        ValueError: with the settings that differ from those of the run.
    """
    return checked_settings(settings, expected_settings(run))


def expected_settings(run: RunConfig) -> dict[str, str]:
    """Settings of a run, under the authors' names."""
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
    return {name: str(value) for name, value in settings.items()}


RELEASED = ReleasedWeights(
    files=FILES,
    location="https://www.adrianbulat.com/downloads/NeurIPS2021/models",
    suffix=".pth",
    stated_settings=stated_settings,
)
