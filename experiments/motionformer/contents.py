"""Contents of Motionformer (arXiv:2106.05392)."""

from experiments.spec.paper_contents import Contents, Missing

CONTENTS = Contents(
    title="Keeping Your Eye on the Ball: Trajectory Attention in Video Transformers",
    url="https://arxiv.org/abs/2106.05392",
    missing=(
        Missing("table5", "Comparison to the state-of-the-art on Long Range Arena benchmark"),
        Missing("table9", "DAVIS 2017 Video object segmentation"),
    ),
    without_numbers=("Figure 1", "Figure 2"),
)
