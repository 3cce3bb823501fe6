"""Contents of MSCA (arXiv:2204.00452)."""

from experiments.spec.paper_contents import Contents

CONTENTS = Contents(
    title="Temporal Cross-attention for Action Recognition",
    url="https://arxiv.org/abs/2204.00452",
    here=("table1", "table2", "table3", "table4", "table5"),
    without_numbers={
        "figure1": "Encoder blocks of ViT, TokenShift and MSCA",
        "figure2": "Shift operation in the MSCA-KV model",
        "figure3": "Shift operations of MSCA-V, MSCA-pKV, and MSCA-pV",
    },
)
