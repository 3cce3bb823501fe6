"""Contents of CAST (arXiv:2311.18825)."""

from experiments.spec.paper_contents import Contents, Missing

CONTENTS = Contents(
    title="CAST: Cross-Attention in Space and Time for Video Action Recognition",
    url="https://arxiv.org/abs/2311.18825",
    missing=(
        Missing("figure6", "Qualitative examples from EK100 comparing CLIP, VideoMAE, and the proposed CAST"),
        Missing("figure15", "Qualitative examples from EK100 comparing CLIP, VideoMAE, and the proposed CAST"),
    ),
    without_numbers=("Figure 1", "Figure 2", "Figure 3", "Figure 7", "Figure 8", "Figure 9", "Figure 10"),
)
