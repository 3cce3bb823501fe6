"""Small video ViTs for tests."""

from dataclasses import replace

from models.motionformer.model import Motionformer
from models.tokens import CubicTokens


def small(**settings: object) -> Motionformer.Config:
    """Motionformer of width 32, depth 3 and 4 heads, on cubes of 8x8 pixels, with random weights."""
    config = Motionformer.Config(width=32, depth=3, heads=4, tokens=CubicTokens.Config(patch=8), init=None)
    return replace(config, **settings)  # type: ignore[arg-type]
