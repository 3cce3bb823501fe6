"""Figure A5 of the 3D deformable transformer: 3D deformable attention on NTU RGB+D 120."""

from experiments.deform3d.attention_figures import COLUMN, NOTES, Shown, rows, strips
from experiments.deform3d.base import NTU120, SOURCE
from experiments.deform3d.tiny import TINY
from experiments.spec.table import Table

# fmt: off
SHOWN = (
    Shown("near-green-ring", video="S001C001P003R001A003", x=0.28, y=0.57),
    Shown("wave-right-red", video="S001C001P021R001A013", x=0.89, y=0.16),
    Shown("stand-up", video="S001C001P023R001A009", x=0.18, y=0.66),
)
# fmt: on

TABLE = Table(
    name="deform3d/figureA5",
    caption="Visualization of 3D deformable attention on NTU120",
    source=f"{SOURCE}, Figure A5",
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
