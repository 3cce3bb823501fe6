"""Contents of MSCA (arXiv:2204.00452)."""

from experiments.spec.paper_contents import Contents

CONTENTS = Contents(
    title="Temporal Cross-attention for Action Recognition",
    url="https://arxiv.org/abs/2204.00452",
    without_numbers=("Figure 1", "Figure 2", "Figure 3"),
)
