"""Tables and figures of the paper."""

from experiments.spec.paper_contents import Contents

CONTENTS = Contents(
    here=("table1", "table2", "table3", "table4", "table5"),
    without_numbers={
        "figure1": "Encoder blocks of ViT, TokenShift and MSCA",
        "figure2": "Shift operation in the MSCA-KV model",
        "figure3": "Shift operations of MSCA-V, MSCA-pKV, and MSCA-pV",
    },
)
