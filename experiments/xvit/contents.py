"""Contents of X-ViT (arXiv:2106.05968): the supplementary material, and tables of the main paper."""

from experiments.spec.paper_contents import Contents

CONTENTS = Contents(
    title="Space-time Mixing Attention for Video Transformer, with its supplementary material",
    url="https://arxiv.org/abs/2106.05968",
    here=("table1", "table2", "figure1"),
    not_here={
        "main-table4": "Main paper, Table 4: other backbones and patch sizes",
        "main-table5": "Main paper, Table 5: comparison on Kinetics-400",
        "main-table6": "Main paper, Table 6: comparison on Something-Something V2",
        "main-table7": "Main paper, Table 7: comparison on EPIC-Kitchens-100",
    },
)
