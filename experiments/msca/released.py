"""The released checkpoints of TokenShift's code that fit rows (https://github.com/VideoNetworks/TokShift-Transformer).

They were trained for 18 epochs, longer than the paper's rows, whose printed numbers are not theirs. They state no settings.
"""

from experiments.spec.released import ReleasedFile, ReleasedWeights

# fmt: off
FILES = (
    ReleasedFile("best_vit_B8x32x224_k400",      "msca/table2:vit",        "top1"),
    ReleasedFile("best_tokshift_B8x32x224_k400", "msca/table2:tokenshift", "top1"),
)
# fmt: on

RELEASED = ReleasedWeights(
    files=FILES, location="https://github.com/VideoNetworks/TokShift-Transformer", suffix=".pth", linked=True
)
