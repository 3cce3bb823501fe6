"""What the modules read of a batch; any tuple with these names will do. Shapes: B items, F frames, V crops."""

from typing import Protocol

from torch import Tensor


class TrainBatch(Protocol):
    """Clips (B, F, 3, height, width), labels (B,), and which of them replace an unreadable video (B,).

    Labels of verbs and nouns are (B, 2).
    """

    clips: Tensor
    labels: Tensor
    replaced: Tensor


class TestBatch(Protocol):
    """All crops of one temporal view: clips (B, V, F, 3, height, width); labels, videos, view, status are (B,).

    Labels of verbs and nouns are (B, 2).
    """

    clips: Tensor
    labels: Tensor
    videos: Tensor
    view: Tensor
    status: Tensor
