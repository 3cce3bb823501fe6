"""What the tables of the 3D deformable transformer (arXiv:2212.05638): its supplementary material share."""

from experiments.deform3d.base import SOURCE
from experiments.deform3d.tiny import TINY
from experiments.spec.language import Paper

PAPER = Paper(
    key="deform3d",
    title="Cross-Modal Learning with 3D Deformable Attention for Action Recognition, supplementary material",
    url="https://arxiv.org/abs/2212.05638",
    source=SOURCE,
    recipes={"small": "experiments.deform3d.small", "tiny": TINY},
)
table = PAPER.table
