"""Settings that all samplings at a stride share."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Self

from data.evaluation import EvalConfig, check_stride
from data.sampling import SamplingConfig


@dataclass(frozen=True, kw_only=True)
class StrideConfig(SamplingConfig):
    """Settings of a sampling at a stride, which a test protocol may change."""

    stride: int

    def __post_init__(self) -> None:
        check_stride(self.stride, "data.sampling.stride")

    def view_starts(self, num_views: int) -> tuple[Fraction, ...]:
        """Start of each test view, as a share of the range of starts. A single view starts with the video."""
        return tuple(Fraction(view, num_views) for view in range(num_views))

    def for_test(self, evaluation: EvalConfig) -> Self:
        if evaluation.span is not None:
            raise ValueError("evaluation.span: this sampling has a stride in frames; set evaluation.stride instead")
        return self if evaluation.stride is None else replace(self, stride=evaluation.stride)
