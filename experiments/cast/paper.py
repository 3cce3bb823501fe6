"""What the tables of CAST (arXiv:2311.18825) share."""

from experiments.cast.tiny import TINY
from experiments.spec.language import Paper

PAPER = Paper(
    key="cast",
    title="CAST: Cross-Attention in Space and Time for Video Action Recognition",
    url="https://arxiv.org/abs/2311.18825",
    source="arXiv:2311.18825",
    recipes={"small": "experiments.cast.small", "tiny": TINY},
    without_numbers={
        "figure1": "The importance of spatio-temporal understanding",
        "figure2": "High-level illustration of the proposed method",
        "figure3": "Overview of CAST",
        "figure7": "Architecture visualization of the different information exchange baselines",
        "figure8": "Architecture visualization of the baselines used in the B-CAST ablation study",
        "figure9": "Classification head architecture",
        "figure10": "Visualization of attention window shape",
    },
)
table = PAPER.table
