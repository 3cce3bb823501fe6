"""Files of DAVIS 2017: folders of a root, and indexed PNGs. H x W pixels."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PALETTE_LENGTH = 3 * 256
PICTURES, MASKS, LIST = "JPEGImages/480p", "Annotations/480p", "ImageSets/2017/val.txt"
# Colours of the first indices in files without a palette: black background, then bright colours far from each other.
DEFAULT_PALETTE = [0, 0, 0, 200, 0, 0, 0, 170, 0, 200, 170, 0, 0, 0, 220, 200, 0, 200, 0, 180, 180, 160, 160, 160]


def encoded(mask: NDArray[np.uint8], palette: list[int]) -> bytes:
    """Indexed PNG of a mask (H, W).

    Args:
        palette: red, green and blue of each index.
    """
    image = Image.fromarray(mask)
    image.putpalette(palette + [0] * (PALETTE_LENGTH - len(palette)))  # a short one would change large indices
    content = io.BytesIO()
    image.save(content, format="PNG")
    return content.getvalue()


def palette_of(path: Path) -> list[int]:
    """Palette of an indexed PNG; that of a grey PNG is `DEFAULT_PALETTE`."""
    with Image.open(path) as image:
        return image.getpalette() or DEFAULT_PALETTE
