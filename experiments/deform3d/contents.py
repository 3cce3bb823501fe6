"""Contents of the 3D deformable transformer's supplementary material."""

from experiments.spec.paper_contents import Contents

CONTENTS = Contents(
    title="Cross-Modal Learning with 3D Deformable Attention for Action Recognition, supplementary material",
    url="https://arxiv.org/abs/2212.05638",
    here=("tableA1", "tableA2", "figureA1", "figureA2", "figureA3", "figureA4", "figureA5"),
)
