"""Figure 3 of Motionformer: accuracy over the temporal stride of test clips, by type of attention.

Appendix 6.1.1: models of Table 4, tested with the same number of frames at increasing strides.
"""

from dataclasses import replace

from experiments.motionformer.base import DIVIDED, JOINT, JOINT_NOTE, K400, SSV2, TRAINING_NOTES, table
from experiments.spec.claims import Ours, Quantity, above, cell, claim, largest, rising, smallest, within
from experiments.spec.language import TOP1, Column, Panel, Panels, PaperNote, evaluation, row

STRIDES = (1, 2, 4, 8)
FRACTIONS = (0.25, 0.5, 0.75)  # of S, the stride at which a clip spans the video; and so of the video

K400_HEADER, SSV2_HEADER = "K-400, temporal stride", "SSv2, temporal stride"
WHOLE = Column(
    key="k400-whole",
    header=(K400_HEADER, "whole clip"),
    metric=TOP1,
    base=K400,
    best="max",
    edits=evaluation(views=1, span=1.0),
)
EVEN = Column(key="ssv2-100", header=(SSV2_HEADER, "S"), metric=TOP1, base=SSV2, best="max")

K400_COLUMNS = (
    *(
        replace(WHOLE, key=f"k400-{n}", header=(K400_HEADER, f"{n}"), edits=evaluation(views=1, stride=n))
        for n in STRIDES
    ),
    WHOLE,
)
SSV2_COLUMNS = (
    *(
        replace(EVEN, key=f"ssv2-{100 * f:.0f}", header=(SSV2_HEADER, f"{f} S"), edits=evaluation(span=f))
        for f in FRACTIONS
    ),
    EVEN,
)

K400_PANEL = Panel(
    title="Kinetics-400",
    x_label="temporal stride (frames)",
    y_label="top-1 accuracy (%)",
    columns=tuple(column.key for column in K400_COLUMNS),
    ticks=(*map(str, STRIDES), "whole clip"),
)
SSV2_PANEL = Panel(
    title="Something–Something V2",
    x_label="temporal stride (S covers the video)",
    y_label="top-1 accuracy (%)",
    columns=tuple(column.key for column in SSV2_COLUMNS),
    ticks=(*(f"{f} S" for f in FRACTIONS), "S"),
)


def margin(panel: Panel) -> Panel:
    return replace(panel, y_label="top-1 minus trajectory's", relative_to="trajectory")


# fmt: off
ROWS = (
    row("joint",      ("Joint Space-Time",),   JOINT,   paper=()),
    row("divided",    ("Divided Space-Time",), DIVIDED, paper=()),
    row("trajectory", ("Trajectory",),                  paper=()),
)
# fmt: on


def leads(rival: str, columns: tuple[Column, ...]) -> tuple[Quantity, ...]:
    """Leads of trajectory attention over another one, from the smallest stride to the largest."""
    return tuple(cell(f"trajectory.{column.key}") - cell(f"{rival}.{column.key}") for column in columns)


def growth(columns: tuple[Column, ...]) -> Quantity:
    """Growth of the lead over joint attention from the smallest stride to the largest."""
    first, *_, last = leads("joint", columns)
    return last - first


K400_TRAJECTORY = [cell(f"trajectory.{column.key}") for column in K400_COLUMNS]


# fmt: off
CLAIMS = (
    claim("M57", "section 6.1.1", "The lead over joint and divided attention grows with the stride",
          [rising(leads(rival, columns)) for columns in (K400_COLUMNS, SSV2_COLUMNS) for rival in ("joint", "divided")]),
    claim("M58", "section 6.1.1", "The lines diverge most on SSv2", above(growth(SSV2_COLUMNS) - growth(K400_COLUMNS))),
    claim("M59", "section 6.1.1", "On K-400, accuracy hardly depends on the part of the video that is seen",
          within(largest(*K400_TRAJECTORY) - smallest(*K400_TRAJECTORY), Ours(2)), real_data=True),
)
# fmt: on

TABLE = table(
    "figure3",
    "Does trajectory attention make better use of motion cues?",
    labels=("Attention",),
    columns=(*K400_COLUMNS, *SSV2_COLUMNS),
    rows=ROWS,
    figure=Panels(grid=((margin(K400_PANEL), margin(SSV2_PANEL)), (K400_PANEL, SSV2_PANEL))),
    notes=(
        "The paper prints this figure without numbers and does not state the strides.",
        "The paper does not state whether models are retrained for each stride. Ours are the models of Table 4, only "
        "tested at other strides. `-o data.sampling.span=0.5` trains on half of each video; column S is then also "
        "tested on half.",
        "Each video has one view, in its middle, because “the larger the stride, the more of the video clip is seen”.",
        PaperNote("Table 4 tests K-400 with ten views."),
        "A clip that is longer than its video repeats the last frame.",
        JOINT_NOTE,
        *TRAINING_NOTES,
    ),
    claims=CLAIMS,
)
