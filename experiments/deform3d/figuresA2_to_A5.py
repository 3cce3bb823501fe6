"""Figures A2 to A5: attention in videos, a row each, and columns of the attention in all videos."""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

from experiments.deform3d.attention_mass import ACTION_FRAMES, BOX, MARGIN, MOVING_JOINTS, AttentionMass, Measure
from experiments.deform3d.base import GYM99, NTU120, PENN, RECIPE_NOTE, table
from experiments.spec.claims import Comparison, Ours, above, cell, claim
from experiments.spec.language import (
    TOP1,
    AttentionQuery,
    AttentionStrips,
    Column,
    Parent,
    Row,
    RowQuery,
    RunConfig,
    Tested,
    TinyNote,
    row,
)

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


def above_equal_weights(kind: str) -> tuple[Comparison, Comparison]:
    """Attention is above its share under equal weights: in the mean over the videos, and in most of them."""
    mass, share, videos = (cell(f"{ALL_VIDEOS.key}.{key}-{kind}") for key in ("mass", "share", "above"))
    return above(mass - share), above(videos, Ours(50))


# fmt: off
CLAIMS_A2 = (
    claim("D8", "section D.1", "Pose tokens attend to the joints that carry the action", above_equal_weights("moving-joints")),
)
# fmt: on

TABLE_A2 = table(
    "figureA2",
    "Visualization of joint stride attention on PennAction",
    labels=("Video",),
    columns=(COLUMN, *mass_columns(MOVING_JOINTS, "moving-joints", ("Moving joints", "share of the joints (%)"))),
    rows=(ALL_VIDEOS, *rows(PENN, PENN_VIDEOS)),
    figure=strips(PENN_VIDEOS, "joint"),
    notes=(
        *NOTES,
        "Moving joints: those whose steps from frame to frame, relative to the median step of all joints, are above the median "
        "of the joints of the video. Attention: weights of the pose tokens in the last block for the pose tokens of moving "
        "joints, in percent of those for all pose tokens. A token reads the joints of its windows only, and so does the "
        "share of the joints.",
        MASS_NOTE,
        TinyNote(
            "This figure shows only that the path runs: attention of the small model is on no more of the moving joints than "
            "equal weights would be."
        ),
    ),
    claims=CLAIMS_A2,
)

# fmt: off
CLAIMS_A3 = (
    claim("D9", "section D.2", "Attention stays on the actor in clutter", above_equal_weights("box")),
    claim("D10", "section D.2", "It is intense in the frames of the action", above_equal_weights("action-frames")),
)
# fmt: on

TABLE_A3 = table(
    "figureA3",
    "Visualization of 3D deformable attention on PennAction",
    labels=("Video",),
    columns=(
        COLUMN,
        *mass_columns(BOX, "box", ("Box of the actor", "area (%)")),
        *mass_columns(ACTION_FRAMES, "action-frames", ("Frames of the action", "share of the frames (%)")),
    ),
    rows=(ALL_VIDEOS, *rows(PENN, PENN_VIDEOS)),
    figure=strips(PENN_VIDEOS, "deformable"),
    notes=(
        *NOTES,
        f"Box of the actor: that of the joints that have a place in the frame, with {MARGIN:.0%} of its longer side as a "
        "margin; its area counts the cells that have their centre in it. Frames of the action: those whose joints move "
        "faster, relative to the median step of all joints, than in the median frame of the video. Attention: weights of CLS "
        "in all frames, in the last block, at the places that are read, in percent of those at all places. The class is "
        "read from CLS.",
        MASS_NOTE,
        TinyNote(
            "This figure shows only that the path runs: the small model reads the class mostly from the joints (see "
            "`deform3d/modalities`), and its attention is on no more of the actor than equal weights would be."
        ),
    ),
    claims=CLAIMS_A3,
)

# fmt: off
SHOWN_A4 = (
    Shown("stand-up", video="as6r2qd6jjJ_E_003955_003967_A_0008_0010", x=0.23, y=0.54),
    Shown("march-and-cheer", video="fI85dMgg0Ir_E_003524_003536_A_0008_0010", x=0.75, y=0.54),
    Shown("wave-right-blue", video="Nh-wOHIsMBu_E_005484_005496_A_0008_0010", x=0.87, y=0.15),
)
# fmt: on

TABLE_A4 = table(
    "figureA4",
    "Visualization of 3D deformable attention on FineGYM",
    labels=("Video",),
    columns=(COLUMN,),
    rows=rows(GYM99, SHOWN_A4),
    figure=strips(SHOWN_A4, "deformable"),
    notes=(
        *NOTES,
        "Claim D11 (section D.2), that attention follows gymnasts while the camera moves, is not measured: no annotation "
        "tells in which videos the camera moves.",
    ),
)

# fmt: off
SHOWN_A5 = (
    Shown("near-green-ring", video="S001C001P003R001A003", x=0.28, y=0.57),
    Shown("wave-right-red", video="S001C001P021R001A013", x=0.89, y=0.16),
    Shown("stand-up", video="S001C001P023R001A009", x=0.18, y=0.66),
)
# fmt: on

TABLE_A5 = table(
    "figureA5",
    "Visualization of 3D deformable attention on NTU120",
    labels=("Video",),
    columns=(COLUMN,),
    rows=rows(NTU120, SHOWN_A5),
    figure=strips(SHOWN_A5, "deformable"),
    notes=(
        *NOTES,
        "Claim D12 (section D.2), that attention finds both people and the dropped object, is not measured: no annotation "
        "tells where the object is.",
    ),
)
