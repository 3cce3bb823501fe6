"""Parts of Figures A2 to A5: what they show, tables of one row for each video, and columns of the attention in all."""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

from experiments.deform3d.attention_mass import AttentionMass, Measure
from experiments.deform3d.base import PENN, RECIPE_NOTE
from experiments.spec.comparisons import Above
from experiments.spec.expressions import cell
from experiments.spec.figures import AttentionQuery, AttentionStrips, RowQuery
from experiments.spec.metrics import TOP1, Tested
from experiments.spec.run import Parent, RunConfig
from experiments.spec.table import Column, Row, TinyNote, row

QUERY_NOTE = (
    "The paper draws heat maps and names neither videos, queries, block nor heads. Ours are means over the heads of the "
    "last block; for real data, the query is the middle of the first frame of the first test videos. `reproduce attention` "
    "draws any other query."
)
DOTS_NOTE = "Dots: the places that are read, in the frame next to them, with areas in proportion to their weights."
STAND_IN_NOTE = TinyNote(
    "The generated videos were chosen by their classes, and the points by the joints of the actor, before any map was drawn."
)
NOTES = (DOTS_NOTE, QUERY_NOTE, STAND_IN_NOTE, RECIPE_NOTE)
COLUMN = Column(key="top1", header="Top-1 of the model", metric=TOP1, base=PENN)

PENN_ATTENTION = replace(PENN, objective=AttentionMass(), optim=None, parents=(Parent(run=PENN),))
ALL_VIDEOS = row("penn", ("all test videos",), paper=())
MASS_NOTE = (
    "“All test videos”: shares of attention weights, beside those that equal weights at all joints or cells would give; "
    "means over the videos whose joints tell them. The first comparison of each claim is of the means, which are not "
    "resampled. The second one is: in more than half of all videos, attention is above its share under equal weights."
)


@dataclass(frozen=True)
class OfAllVideos(Tested):
    """Metric of the attention in all test videos. It does not apply to the rows of single videos."""

    is_optional: ClassVar[bool] = True


class Shown(NamedTuple):
    """Video of a figure: a class of the stand-in, the id of a test video of it, and a point on its actor in the first frame.

    `x`, `y`: fractions of the width and the height.
    """

    key: str
    video: str | int
    x: float
    y: float


# fmt: off
PENN_VIDEOS = (
    Shown("sit-down", video="0009", x=0.35, y=0.48),
    Shown("wave-left-red", video="0002", x=0.63, y=0.23),
    Shown("rest-and-swing", video="0037", x=0.42, y=0.70),
)
# fmt: on


def rows(run: RunConfig, shown: tuple[Shown, ...]) -> tuple[Row, ...]:
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


def mass_columns(measure: Measure, kind: str, headers: tuple[str, str]) -> tuple[Column, ...]:
    """Columns of a measure, with the keys mass-`kind`, share-`kind` and above-`kind`.

    Args:
        headers: what is measured, and the header of its share under equal weights.
    """
    of_all, share = headers
    texts = {
        "mass": (measure.mass, "attention (%)"),
        "share": (measure.share, share),
        "above": (measure.above, "videos above (%)"),
    }
    return tuple(
        Column(key=f"{key}-{kind}", header=(of_all, text), metric=OfAllVideos(name), base=PENN_ATTENTION)
        for key, (name, text) in texts.items()
    )


def above_equal_weights(kind: str) -> tuple[Above, Above]:
    """Attention is above its share under equal weights: in the mean over the videos, and in most of them."""
    mass, share, above = (cell(f"{ALL_VIDEOS.key}.{key}-{kind}") for key in ("mass", "share", "above"))
    return Above(mass - share), Above(above, 50)
