"""Contents of X-ViT (arXiv:2106.05968): the supplementary material, and tables of the main paper."""

from experiments.spec.paper_contents import Contents

CONTENTS = Contents(
    title="Space-time Mixing Attention for Video Transformer, with its supplementary material",
    url="https://arxiv.org/abs/2106.05968",
    here=("table1", "table2", "figure1"),
)
