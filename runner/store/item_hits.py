"""Correct and incorrect items of a test in its result file: one bit per item and metric, in evaluation order.

Tests of the same items can then be compared item by item from published results: 1,000 items are 125 bytes.
"""

import base64
import binascii
import hashlib
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def packed(correct: Mapping[str, Mask], ids: tuple[str, ...]) -> dict[str, object]:
    """Masks (items,) of the correct items by metric, as base64 of packed bits, with a digest of the items' ids."""
    digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]
    bits = {name: base64.b64encode(np.packbits(mask).tobytes()).decode() for name, mask in correct.items()}
    return {"ids": digest, "items": len(ids), "bits": bits}


def unpacked(metrics: dict, name: str) -> Mask | None:
    """Mask (items,) of the correct items of a test for a metric; None if the result has no bits for it.

    Raises:
        ValueError: if the bits are damaged, or do not have the accuracy of the result.
    """
    record = metrics.get("hits")
    if not isinstance(record, dict) or name not in record.get("bits", {}):
        return None
    try:
        content = np.frombuffer(base64.b64decode(record["bits"][name], validate=True), np.uint8)
        mask = np.unpackbits(content)[: record["items"]].astype(bool)
        is_valid = 0 < len(mask) == record["items"] and math.isclose(100 * mask.mean(), metrics[name])
    except (KeyError, TypeError, ValueError, binascii.Error):
        is_valid, mask = False, None
    if not is_valid:
        raise ValueError(f"its hits are not those of its {name}")
    return mask
