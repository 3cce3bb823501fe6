"""Figure A4 of the 3D deformable transformer: 3D deformable attention on FineGYM."""

from experiments.deform3d.attention_figures import COLUMN, NOTES, Shown, rows, strips
from experiments.deform3d.base import GYM99, SOURCE
from experiments.deform3d.tiny import TINY
from experiments.spec.table import Table

# fmt: off
SHOWN = (
    Shown("stand-up", video="as6r2qd6jjJ_E_003955_003967_A_0008_0010", x=0.23, y=0.54),
    Shown("march-and-cheer", video="fI85dMgg0Ir_E_003524_003536_A_0008_0010", x=0.75, y=0.54),
    Shown("wave-right-blue", video="Nh-wOHIsMBu_E_005484_005496_A_0008_0010", x=0.87, y=0.15),
)
# fmt: on

TABLE = Table(
    name="deform3d/figureA4",
    caption="Visualization of 3D deformable attention on FineGYM",
    source=f"{SOURCE}, Figure A4",
    labels=("Video",),
    columns=(COLUMN,),
    rows=rows(GYM99, SHOWN),
    tiny=TINY,
    figure=strips(SHOWN, "deformable"),
    notes=(
        *NOTES,
        "Claim D11 (section D.2), that attention follows gymnasts while the camera moves, is not measured: no annotation "
        "tells in which videos the camera moves.",
    ),
)
