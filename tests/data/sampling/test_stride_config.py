"""Settings that all samplings at a stride share."""

from dataclasses import dataclass
from fractions import Fraction

import pytest

from data.sampling.strides import CyclicSampling, StrideConfig, StridedSampling
from interface.evaluation import EvalConfig

CONFIGS = (CyclicSampling.Config, StridedSampling.Config)


@pytest.mark.parametrize("config", CONFIGS)
def test_the_protocol_may_change_the_stride_of_every_sampling_at_a_stride(config: type[StrideConfig]) -> None:
    settings = config(stride=4)
    assert settings.for_test(EvalConfig()) == settings
    assert settings.for_test(EvalConfig(stride=8)) == config(stride=8)
    with pytest.raises(ValueError, match=r"^evaluation\.span: .*set evaluation\.stride instead"):
        settings.for_test(EvalConfig(span=0.5))


@pytest.mark.parametrize("config", CONFIGS)
def test_a_stride_below_1_is_refused(config: type[StrideConfig]) -> None:
    with pytest.raises(ValueError, match=r"^data\.sampling\.stride is 0; it must be 1 or more$"):
        config(stride=0)


@pytest.mark.parametrize("config", CONFIGS)
def test_views_are_evenly_spaced_from_the_start_of_the_video(config: type[StrideConfig]) -> None:
    settings = config(stride=4)
    assert settings.view_starts(1) == (0,)
    assert settings.view_starts(4) == (0, Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))


def test_the_protocol_keeps_all_other_settings() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Scaled(StridedSampling.Config):
        scale: int = 1

    assert Scaled(scale=3, nominal_fps=None).for_test(EvalConfig(stride=2)) == Scaled(
        stride=2, scale=3, nominal_fps=None
    )
