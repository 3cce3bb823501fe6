"""Contents of Motionformer (arXiv:2106.05392)."""

from experiments.spec.paper_contents import Contents

CONTENTS = Contents(
    title="Keeping Your Eye on the Ball: Trajectory Attention in Video Transformers",
    url="https://arxiv.org/abs/2106.05392",

    here=(
        "table1", "table2a", "table2b", "table3a", "table3b", "table3c", "table3d", "table4", "table5", "table6a", "table6b",
        "table6c", "table6d", "table7", "table8", "table9", "figure3", "figure4",
    ),
    without_numbers={"figure1": "Trajectory attention", "figure2": "Trajectory attention flowchart"},
)  # fmt: skip
