"""Figure A3 of the 3D deformable transformer: 3D deformable attention on Penn Action."""

from experiments.deform3d.attention_figures import COLUMN, NOTES, SOURCE_OF_FIGURES, Shown, rows, strips
from experiments.deform3d.base import PENN
from experiments.deform3d.tiny import TINY
from experiments.spec.table import Table

# fmt: off
SHOWN = (
    Shown("sit-down", video="0009", x=0.35, y=0.48),
    Shown("wave-left-red", video="0002", x=0.63, y=0.23),
    Shown("rest-and-swing", video="0030", x=0.02, y=0.81),
)
# fmt: on

TABLE = Table(
    name="deform3d/figureA3",
    caption="Visualization of 3D deformable attention on PennAction",
    source=f"{SOURCE_OF_FIGURES}, Figure A3",
    labels=("Video",),
    columns=(COLUMN,),
    rows=rows(PENN, SHOWN),
    tiny=TINY,
    figure=strips(SHOWN, "deformable"),
    notes=NOTES,
)
