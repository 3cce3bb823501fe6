"""Parts of Figures A2 to A5: what they show, and tables of one row for each video."""

from typing import NamedTuple

from experiments.deform3d.base import RECIPE_NOTE, SOURCE
from experiments.spec.figures import AttentionQuery, AttentionStrips, RowQuery
from experiments.spec.metrics import TOP1
from experiments.spec.run import RunConfig
from experiments.spec.table import Column, Row, row

SOURCE_OF_FIGURES = SOURCE
QUERY_NOTE = (
    "The paper draws heat maps and names neither videos, queries, block nor heads. Ours are means over the heads of the "
    "last block; for real data, the query is the middle of the first frame of the first test videos. `reproduce attention` "
    "draws any other query."
)
DOTS_NOTE = "Dots: the places that are read, in the frame next to them, with areas in proportion to their weights."
STAND_IN_NOTE = "The generated videos were chosen by their classes alone, before any map was drawn."
NOTES = (DOTS_NOTE, QUERY_NOTE, STAND_IN_NOTE, RECIPE_NOTE)
COLUMN = Column(key="top1", header="Top-1 of the model", metric=TOP1)


class Shown(NamedTuple):
    """Video of a figure: a class of the stand-in, the id of a test video of it, and a point in its first frame.

    `x`, `y`: fractions of the width and the height.
    """

    key: str
    video: str | int
    x: float
    y: float


def rows(run: RunConfig, shown: tuple[Shown, ...]) -> tuple[Row, ...]:
    """Row of each video."""
    return tuple(row(one.key, (f"video {number}",), base=run, paper=()) for number, one in enumerate(shown, 1))


def strips(shown: tuple[Shown, ...], attention: str) -> AttentionStrips:
    """Attention of the point in each video."""
    return AttentionStrips(
        column=COLUMN.key,
        queries=tuple(
            RowQuery(
                row=one.key,
                real=AttentionQuery(video=number, attention=attention),
                stand_in=AttentionQuery(video=one.video, x=one.x, y=one.y, attention=attention),
            )
            for number, one in enumerate(shown)
        ),
    )
