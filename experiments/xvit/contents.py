"""Contents of X-ViT (arXiv:2106.05968): the supplementary material, and tables of the main paper."""

from experiments.spec.paper_contents import Contents, Missing

CONTENTS = Contents(
    title="Space-time Mixing Attention for Video Transformer, with its supplementary material",
    url="https://arxiv.org/abs/2106.05968",
    missing=(
        Missing("main-table4", "Main paper, Table 4: other backbones and patch sizes"),
        Missing("main-table5", "Main paper, Table 5: comparison on Kinetics-400"),
        Missing("main-table6", "Main paper, Table 6: comparison on Something-Something V2"),
        Missing("main-table7", "Main paper, Table 7: comparison on EPIC-Kitchens-100"),
    ),
)
