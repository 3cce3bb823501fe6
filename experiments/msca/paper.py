"""What the tables of MSCA (arXiv:2204.00452) share."""

from experiments.msca.tiny import TINY
from experiments.spec.language import Paper

PAPER = Paper(
    key="msca",
    title="Temporal Cross-attention for Action Recognition",
    url="https://arxiv.org/abs/2204.00452",
    source="arXiv:2204.00452",
    recipes={"small": "experiments.msca.small", "tiny": TINY},
    without_numbers={
        "figure1": "Encoder blocks of ViT, TokenShift and MSCA",
        "figure2": "Shift operation in the MSCA-KV model",
        "figure3": "Shift operations of MSCA-V, MSCA-pKV, and MSCA-pV",
    },
)
table = PAPER.table
