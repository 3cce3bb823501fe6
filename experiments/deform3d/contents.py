"""Contents of the 3D deformable transformer's supplementary material."""

from experiments.spec.paper_contents import Contents, Missing

CONTENTS = Contents(
    title="Cross-Modal Learning with 3D Deformable Attention for Action Recognition, supplementary material",
    url="https://arxiv.org/abs/2212.05638",
    missing=(
        Missing("tableA1", "Complexity comparisons between full attention and joint stride attention"),
        Missing("tableA2", "Complexity comparisons between full attention and temporal stride attention"),
        Missing("figureA1", "Different numbers of test frames against a model trained with 12 frames"),
        Missing("figureA2", "Visualization of joint stride attention on PennAction"),
        Missing("figureA3", "Visualization of 3D deformable attention on PennAction"),
        Missing("figureA4", "Visualization of 3D deformable attention on FineGYM"),
        Missing("figureA5", "Visualization of 3D deformable attention on NTU120"),
    ),
)
