"""What results contain of the machine and the data, for tests that save results without a training."""

from typing import cast

from lightning import Trainer

from data.fingerprint import DataFingerprint, SplitFingerprint


class TwoDevices:
    """Attributes of a Trainer that results contain."""

    precision = "32-true"
    world_size = 2


DATA = DataFingerprint(
    name="ssv2", train=SplitFingerprint(items=3, annotations="45"), test=SplitFingerprint(items=2, annotations="67")
)
TRAINER = cast(Trainer, TwoDevices())
PROVENANCE: dict[str, object] = {"commit": "0123456789", "versions": {"torch": "2.14.1"}, "hardware": "8 x A100"}
