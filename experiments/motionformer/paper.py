"""What the tables of Motionformer (arXiv:2106.05392) share."""

from experiments.motionformer.tiny import TINY
from experiments.spec.language import Paper

PAPER = Paper(
    key="motionformer",
    title="Keeping Your Eye on the Ball: Trajectory Attention in Video Transformers",
    url="https://arxiv.org/abs/2106.05392",
    source="arXiv:2106.05392",
    recipes={"small": "experiments.motionformer.small", "tiny": TINY},
    without_numbers={"figure1": "Trajectory attention", "figure2": "Trajectory attention flowchart"},
)
table = PAPER.table
