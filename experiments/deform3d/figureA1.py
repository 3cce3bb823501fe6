"""Figure A1 of the 3D deformable transformer: accuracy over the number of test frames."""

from experiments.deform3d.base import FRAMES, PENN, RECIPE_NOTE, table
from experiments.spec.claims import Ours, below, cell, claim, differs, largest, smallest, within
from experiments.spec.language import TOP1, Column, Edits, Panel, Panels, TinyNote, data, evaluation, row

NUMBERS = (2, 4, 6, 8, 10, 12, 16)
SPARSE = NUMBERS[1:]  # two frames show whether the data need motion at all


def column(kind: str, header: str, frames: int, edits: Edits) -> Column:
    """Column of a kind, "on" or "of", whose header has the number of frames for {}. At the scale `tiny`, all are halved."""
    printed, halved = ((header.format(FRAMES // part), str(frames // part)) for part in (1, 2))
    return Column(
        key=f"{kind}-{frames}",
        header=printed,
        scaled_headers={"tiny": halved},
        metric=TOP1,
        base=PENN,
        best="max",
        edits=edits,
    )


def tested(frames: int) -> Column:
    """Column of the model of 12 frames in a test on others."""
    edits = () if frames == FRAMES else evaluation(frames=frames)
    return column("on", "trained on {} frames, tested on", frames, edits)


def trained(frames: int) -> Column:
    return column("of", "trained and tested on", frames, data(frames=frames))


def panels(part: int = 1) -> Panels:
    """Panels of the tests and of the trainings, whose numbers of frames are divided by `part`."""
    titles = {"on": f"trained on {FRAMES // part} frames", "of": "trained on as many frames as tested"}
    return Panels(
        grid=(
            tuple(
                Panel(
                    title=title,
                    x_label="frames",
                    y_label="top-1 accuracy (%)",
                    columns=tuple(f"{kind}-{frames}" for frames in NUMBERS),
                    ticks=tuple(str(frames // part) for frames in NUMBERS),
                )
                for kind, title in titles.items()
            ),
        )
    )


ACCURACIES = [cell(f"default.on-{frames}") for frames in SPARSE]

# fmt: off
ROWS = (
    row("default", ("3D deformable transformer",), paper=()),
)
CLAIMS = (
    claim("D5", "section C, caption", "Accuracy is about the same for any number of test frames",
          within(largest(*ACCURACIES) - smallest(*ACCURACIES), Ours(2)), real_data=True),
    claim("D6", "section C", "Sparse test frames cost little",
          below(cell("default.on-12") - cell("default.on-4"), Ours(2), inclusive=True), real_data=True),
    claim("D7", "section C", "Accuracy depends on the number of training frames",
          differs(cell("default.of-16") - cell("default.of-4"))),
)
# fmt: on

TABLE = table(
    "figureA1",
    "Ablation study with different numbers of frames during test phase against model trained with 12 frames",
    labels=("Model",),
    columns=(*map(tested, NUMBERS), *map(trained, NUMBERS)),
    rows=ROWS,
    figure=panels(),
    scaled_figures={"tiny": panels(2)},
    notes=(
        "The paper prints this figure without numbers, axes and data set. The frames of a clip are spread over the whole "
        "video.",
        TinyNote("All numbers of frames are half of those at the paper's size."),
        "Models trained on each number of frames stand beside it, and tests on very few, because data that need no "
        "motion would give the same curve.",
        RECIPE_NOTE,
    ),
    claims=CLAIMS,
)
