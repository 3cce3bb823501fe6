"""Contents of CAST (arXiv:2311.18825)."""

from experiments.spec.paper_contents import Contents

CONTENTS = Contents(
    title="CAST: Cross-Attention in Space and Time for Video Action Recognition",
    url="https://arxiv.org/abs/2311.18825",

    here=(
        "table1a", "table1b", "table1c", "table1d", "table1e", "table1f", "table1g", "table1h", "table2", "table3",
        "table4", "table5", "table6", "table7", "table8", "table9", "table10", "table11",
        "figure4", "figure5", "figure6", "figure11", "figure12", "figure13", "figure14", "figure15",
    ),
    without_numbers={
        "figure1": "The importance of spatio-temporal understanding",
        "figure2": "High-level illustration of the proposed method",
        "figure3": "Overview of CAST",
        "figure7": "Architecture visualization of the different information exchange baselines",
        "figure8": "Architecture visualization of the baselines used in the B-CAST ablation study",
        "figure9": "Classification head architecture",
        "figure10": "Visualization of attention window shape",
    },
)  # fmt: skip
