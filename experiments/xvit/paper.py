"""What the tables of X-ViT (arXiv:2106.05968): its supplementary material, and tables of the main paper share."""

from experiments.spec.language import Paper, Recipe
from experiments.xvit.tiny import TINY


def small() -> Recipe:
    from experiments.xvit.small import SMALL  # here: other scales need it not

    return SMALL


PAPER = Paper(
    key="xvit",
    title="Space-time Mixing Attention for Video Transformer, with its supplementary material",
    url="https://arxiv.org/abs/2106.05968",
    source="arXiv:2106.05968, supplementary",
    recipes={"small": small, "tiny": TINY},
)
table = PAPER.table
