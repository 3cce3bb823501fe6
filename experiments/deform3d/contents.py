"""Tables and figures of the supplementary material of the 3D deformable transformer (ICCV 2023)."""

from experiments.spec.paper_contents import Contents

CONTENTS = Contents(
    not_here={
        "tableA1": "Complexity comparisons between full attention and joint stride attention",
        "tableA2": "Complexity comparisons between full attention and temporal stride attention",
        "figureA1": "Ablation study with different numbers of frames during test phase",
        "figureA2": "Visualization of joint stride attention on PennAction",
        "figureA3": "Visualization of 3D deformable attention on PennAction",
        "figureA4": "Visualization of 3D deformable attention on FineGYM",
        "figureA5": "Visualization of 3D deformable attention on NTU120",
    },
)
