"""Figure A5 of the 3D deformable transformer: 3D deformable attention on NTU RGB+D 120."""

from experiments.deform3d.attention_figures import COLUMN, NOTES, SOURCE_OF_FIGURES, Shown, rows, strips
from experiments.deform3d.base import NTU120
from experiments.deform3d.tiny import TINY
from experiments.spec.table import Table

# fmt: off
SHOWN = (
    Shown("first", video=0, x=0.5, y=0.5),
    Shown("second", video=1, x=0.5, y=0.5),
    Shown("third", video=2, x=0.5, y=0.5),
)
# fmt: on

TABLE = Table(
    name="deform3d/figureA5",
    caption="Visualization of 3D deformable attention on NTU120",
    source=f"{SOURCE_OF_FIGURES}, Figure A5",
    labels=("Video",),
    columns=(COLUMN,),
    rows=rows(NTU120, SHOWN),
    tiny=TINY,
    figure=strips(SHOWN, "deformable"),
    notes=(
        *NOTES,
        "Claim D12 (section D.2), that attention finds both people and the dropped object, is not measured: no annotation "
        "tells where the object is.",
    ),
)
