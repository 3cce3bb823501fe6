"""Weight files of runs: their tensors, and what they state of them."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

# Metadata of the weight files of runs: digest of the tensors in the file, fingerprint of the model's frozen parameters,
# and the run as plain data. All are in one JSON object, because safetensors writes several keys in a random order.
# Earlier versions wrote the first two as keys of their own, or no run.
SAVED, DIGEST, FROZEN, RUN = "saved", "sha256", "frozen_weights", "run"


class WeightsError(ValueError):
    """Weight file that cannot be used, whatever the model."""


def read_saved(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors of a weight file of a run, and what it states of them: see `SAVED`.

    Raises:
        WeightsError: if the file is damaged.
        OSError: if it cannot be read.
    """
    saved = stated(path)
    return load_file(path), saved


def stated(path: Path) -> dict[str, Any]:
    """What a weight file states of its tensors. Errors are those of `read_saved`."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError:
        raise WeightsError(f"{path} is cut short or damaged; get it again") from None
    earlier = {DIGEST: metadata.get(DIGEST), FROZEN: json.loads(metadata.get(FROZEN, "null"))}
    return json.loads(metadata.get(SAVED, "null")) or earlier
