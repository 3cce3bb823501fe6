"""MSCA at the scale `small`: half the crop size. The model stays ViT-B, whose twelve heads the tables shift one by one.

Its recipe keeps the best weights by the validation, whose videos are those of the test; the last ones are tested here.
"""

from experiments.spec.language import Edit, RunConfig, optim
from experiments.spec.scaling import recipe
from models.framewise.model import FramewiseViT
from models.msca.attention import TokenGroupShift

TOKENS = 1 + (112 // 16) ** 2  # of a frame


def too_large(run: RunConfig) -> str:
    assert isinstance(run.model, FramewiseViT.Config)
    attention = run.model.attention
    if isinstance(attention, TokenGroupShift.Config) and sum(attention.past_and_future) > TOKENS:
        return f"it shifts more than the {TOKENS} tokens of a frame of 112 pixels"
    return ""


SMALL = recipe(
    {"kinetics400": 10},
    *optim(keep="last", validate_every=5),
    Edit("data.crop", lambda crop: crop // 2),
    shares={"kinetics400": 1 / 3},
    left_out=too_large,
)
