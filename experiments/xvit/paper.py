"""What the tables of X-ViT (arXiv:2106.05968): its supplementary material, and tables of the main paper share."""

from experiments.spec.language import Paper
from experiments.xvit.tiny import TINY

PAPER = Paper(
    key="xvit",
    title="Space-time Mixing Attention for Video Transformer, with its supplementary material",
    url="https://arxiv.org/abs/2106.05968",
    source="arXiv:2106.05968, supplementary",
    recipes={"small": "experiments.xvit.small", "tiny": TINY},
)
table = PAPER.table
