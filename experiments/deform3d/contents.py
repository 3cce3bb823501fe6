"""Tables and figures of the supplementary material of the 3D deformable transformer (ICCV 2023)."""

from experiments.spec.paper_contents import Contents

CONTENTS = Contents(here=("tableA1", "tableA2", "figureA1", "figureA2", "figureA3", "figureA4", "figureA5"))
