"""Test protocol: views, crops, frames, and the merging of the views of an item."""

from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal, Self

from interface.ranges import CheckedConfig, Count, Range, ShareAboveZero

Merge = Literal["sum of softmax", "mean of softmax", "sum of logits", "mean of logits"]
Resizing = Literal["bilinear", "bicubic"]
CropRule = Literal["long side", "width"]


@dataclass(frozen=True, kw_only=True)
class EvalConfig(CheckedConfig):
    """Test protocol: the score of an item is merged from temporal views x crops."""

    config_path: ClassVar[str] = "evaluation"

    views: Count = 10
    crops: Count = 3
    short_side: Count | None = None
    """That of the frames before cropping; the crop size if None."""
    stride: Count | None = None
    """In frames; that of training if None."""
    span: ShareAboveZero | None = field(default=None, metadata={"omit_if": None})
    """Share of a video that a clip spans, in place of a stride; that of training if None."""
    frames: Annotated[int, Range(least=1, most=10_000)] | None = field(default=None, metadata={"omit_if": None})
    """Number of frames of a clip in the test; that of training if None."""
    tiny_views: Count = field(default=2, compare=False, metadata={"in_id": False})
    """Largest number of views at the scale `tiny`, whose videos are short."""
    merge: Merge = field(default="sum of softmax", metadata={"omit_if": "sum of softmax"})
    """Rule that combines the scores of all views and crops into the score of the item."""
    resizing: Resizing = field(default="bilinear", metadata={"omit_if": "bilinear"})
    """Filter of frames: bilinear without antialiasing, or bicubic with it, as by Pillow."""
    crops_along: CropRule = field(default="long side", metadata={"omit_if": "long side"})
    """Side along which crops are spaced: the long side, with offsets rounded up; or the width, with offsets rounded
    down, so that all crops of an upright video are its middle one."""
    late_short_clips: bool = field(default=True, metadata={"omit_if": True})
    """Whether clips of a video that is no longer than they are, and that they go on with the start of, start one frame
    late after the first view."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.span is not None and self.stride is not None:
            raise ValueError("evaluation.span and evaluation.stride exclude each other; set one of them")

    def tiny(self) -> Self:
        """The same protocol with at most `tiny_views` views and three crops, and half the frames, as in training."""
        frames = None if self.frames is None else max(1, self.frames // 2)
        return replace(self, views=min(self.views, self.tiny_views), crops=min(self.crops, 3), frames=frames)
