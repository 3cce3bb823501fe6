"""What decides a run's clips: the data set, how clips are drawn from it, and the protocol of a test."""

from dataclasses import dataclass, field

from data.datasets.epic100 import Epic100
from data.datasets.kinetics import Kinetics
from data.datasets.ssv2 import SSv2
from data.sampling import DenseSampling, SegmentSampling, check_span, check_stride
from data.transforms import Augmentation


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """A data set and the clips that training draws from it; pixels are (x / 255 - mean) / std.

    Channels are RGB; reversed, they are BGR, as the weights released for EPIC-Kitchens-100 were trained.
    """

    dataset: Kinetics.Config | SSv2.Config | Epic100.Config = field(default_factory=Kinetics.Config)
    frames: int = 16
    crop: int = 224
    sampling: DenseSampling.Config | SegmentSampling.Config = field(default_factory=DenseSampling.Config)
    augmentation: Augmentation.Config = field(default_factory=Augmentation.Config)
    mean: float = 0.5
    std: float = 0.5
    reversed_channels: bool = field(default=False, metadata={"omit_if": False})

    def __post_init__(self) -> None:
        """Refuse what no clip can have."""
        for name in ("frames", "crop"):
            if getattr(self, name) < 1:
                raise ValueError(f"data.{name} is {getattr(self, name)}; it must be 1 or more")


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """How a video is scored: the softmax summed over temporal views x crops.

    Short side and stride are those of training if None. A span is the share of a video that a clip spans, whatever its
    stride.
    """

    views: int = 10
    crops: int = 3
    short_side: int | None = None
    stride: int | None = None
    span: float | None = field(default=None, metadata={"omit_if": None})

    def __post_init__(self) -> None:
        """Refuse what no test can have."""
        for name in ("views", "crops"):
            if getattr(self, name) < 1:
                raise ValueError(f"evaluation.{name} is {getattr(self, name)}; it must be 1 or more")
        check_span(self.span, "evaluation.span")
        check_stride(self.stride, "evaluation.stride")
        if self.span is not None and self.stride is not None:
            raise ValueError("evaluation.span and evaluation.stride exclude each other; set one of them")
