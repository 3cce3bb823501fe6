"""Figure 1 of X-ViT's supplementary: accuracy over the number of temporal crops of the test."""

from dataclasses import replace

from experiments.spec.claims import Ours, above, cell, claim, within
from experiments.spec.language import TOP1, Column, Panel, Panels, evaluation, row
from experiments.xvit.base import K400, RECIPE_NOTE, table

NUMBERS = (1, 2, 3, 4, 6, 12)  # 12 views contain those of the other tests
COLUMN = Column(key="crops-1", header="1×3", metric=TOP1, base=K400, best="max")
COLUMNS = tuple(
    replace(
        COLUMN, key=f"crops-{number}", header=f"{number}×3", edits=evaluation(views=number, tiny_views=max(NUMBERS))
    )
    for number in NUMBERS
)

# fmt: off
ROWS = (
    row("xvit", ("X-ViT",), paper=()),
)
CLAIMS = (
    claim("X4", "appendix A, caption", "More than two temporal crops bring nothing",
          [within(cell(f"xvit.crops-{number}") - cell("xvit.crops-2"), Ours(0.3)) for number in NUMBERS[2:]], real_data=True),
    claim("X5", "appendix A", "The second temporal crop still helps",
          above(cell("xvit.crops-2") - cell("xvit.crops-1")), real_data=True),
)
# fmt: on

TABLE = table(
    "figure1",
    "Effect of number of temporal crops at test time as measured on Kinetics-400 in terms of Top-1 accuracy",
    labels=("Model",),
    columns=COLUMNS,
    rows=ROWS,
    figure=Panels(
        grid=(
            (
                Panel(
                    title="Kinetics-400",
                    x_label="temporal crops (each with 3 spatial crops)",
                    y_label="top-1 accuracy (%)",
                    columns=tuple(column.key for column in COLUMNS),
                    ticks=tuple(map(str, NUMBERS)),
                    least_span=10,
                ),
            ),
        )
    ),
    notes=(
        "The paper prints this figure without numbers, and states neither the numbers of crops nor the length of clips. The "
        "range of its axis is not known here; ours spans 10 points at least, beside which single videos look small.",
        "All columns are computed from one prediction pass with 12 temporal crops, whose starts contain those of the "
        "other columns.",
        RECIPE_NOTE,
    ),
    claims=CLAIMS,
)
