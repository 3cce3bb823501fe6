"""Ranges of the fields of recipes and objectives."""

import math
import re

import pytest

from interface.ranges import CheckedConfig
from lightning_modules.classification import SingleLabel, VerbNoun
from lightning_modules.mask_propagation import MaskPropagation
from lightning_modules.mixup import Mixup
from lightning_modules.one_cycle import OneCycleSchedule
from lightning_modules.optim import SGD, AdamW, CosineSchedule, OptimConfig, StepSchedule
from lightning_modules.parameter_groups import ParameterRule

NOT_POSITIVE = (0.0, -1.0, math.inf, math.nan)
NEGATIVE = (-0.05, math.inf, math.nan)
NO_SHARE = (-0.1, 1.1, math.nan)


@pytest.mark.parametrize(
    ("config", "field", "values"),
    [
        *((OptimConfig, name, (0, -5)) for name in ("epochs", "steps", "batch_size", "validate_every")),
        *((OptimConfig, name, (0,)) for name in ("validation_batches", "rest_multiple")),
        *((OptimConfig, name, NEGATIVE) for name in ("lr", "weight_decay")),
        *((OptimConfig, name, NOT_POSITIVE) for name in ("layer_decay", "clip_norm")),
        *((ParameterRule, name, NEGATIVE) for name in ("lr_scale", "weight_decay")),
        (ParameterRule, "max_dims", (-1,)),
        (AdamW, "betas", ((0.9, 1.0), (-0.1, 0.9))),
        (AdamW, "eps", NEGATIVE),
        (SGD, "momentum", (1.0, *NEGATIVE)),
        (StepSchedule, "milestones", ((0.0, 20.0), (10.0, -1.0))),
        (StepSchedule, "factor", NOT_POSITIVE),
        *((CosineSchedule, name, NEGATIVE) for name in ("warmup_epochs", "final", "warmup_start")),
        (OneCycleSchedule, "warmup", NEGATIVE),
        *((OneCycleSchedule, name, NOT_POSITIVE) for name in ("start", "end")),
        (OneCycleSchedule, "momentum", ((0.9, 1.0), (0.95, 0.85))),
        *((kind, "label_smoothing", NO_SHARE) for kind in (SingleLabel, VerbNoun)),
        (MaskPropagation, "boundary_tolerance", NO_SHARE),
        *((Mixup.Config, name, NO_SHARE) for name in ("probability", "switch_probability")),
        *((Mixup.Config, name, NEGATIVE) for name in ("alpha", "cutmix_alpha")),
    ],
)
def test_values_out_of_range_are_refused(config: type[CheckedConfig], field: str, values: tuple[object, ...]) -> None:
    for value in values:
        with pytest.raises(ValueError, match=f"^{re.escape(f'{config.config_path}.{field} is {value}; it must be ')}"):
            config(**{field: value})


def test_mixup_or_cutmix_is_on() -> None:
    with pytest.raises(ValueError, match="one at least is above 0"):
        Mixup.Config(alpha=0.0, cutmix_alpha=0.0)
    Mixup.Config(alpha=0.0, cutmix_alpha=1.0, probability=0.0, switch_probability=1.0)
