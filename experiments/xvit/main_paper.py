"""Tables 1 to 3 of X-ViT's main paper in its submission version: ablations."""

from collections.abc import Iterable

from experiments.spec.claims import Ours, above, below, best, cell, claim, largest, smallest, within
from experiments.spec.language import Edits, TinyNote, model, row
from experiments.xvit.base import ACCURACY, BOTH_DATA_SETS, COST, MEAN, NOTES, NUM_BLOCKS, SUBMISSION, mixing, table
from models.xvit.heads import TemporalAttentionHead

# fmt: off
ROWS_WINDOW = (
    row("tw-0",          ("t_w = 0",),       MEAN, mixing(window=0),                     paper=(44.2, 71.4)),
    row("tw-1",          ("t_w = 1",),       MEAN,                                       paper=(61.6, 87.8)),
    row("tw-2",          ("t_w = 2",),       MEAN, mixing(window=2),                     paper=(59.7, 86.4)),
    row("tw-2-boundary", ("t_w = 2 (Bo.)",), MEAN, mixing(window=2, only_farthest=True), paper=(59.6, 86.2)),
)
OTHERS = ("tw-0", "tw-2", "tw-2-boundary")
CLAIMS_WINDOW = (
    claim("X6", "main paper", "A window of one neighbour on each side is best",
          [best("tw-1", column, OTHERS) for column in ("top1", "top5")]),
    claim("X7", "main paper", "Without a window the accuracy collapses",
          above(cell("tw-1.top1") - cell("tw-0.top1"), Ours(10))),
)
# fmt: on

TABLE_WINDOW = table(
    "main-window",
    "Size of the local window of X-ViT on SSv2 (submission version)",
    source=f"{SUBMISSION}, Table 1",
    labels=("Window",),
    columns=ACCURACY,
    rows=ROWS_WINDOW,
    notes=(
        "Temporal aggregation is the mean over frames. (Bo.): only the frames at the ends of the window.",
        TinyNote(
            "On the stand-in, only motion tells the class. Without a window, the mean over frames does not depend on their "
            "order, so that the first row can only guess."
        ),
        *NOTES,
    ),
    claims=CLAIMS_WINDOW,
)

HALF = NUM_BLOCKS // 2


def mixed(blocks: Iterable[int]) -> Edits:
    return model(blocks=tuple(blocks))


# fmt: off
ROWS_LAYERS = (
    row("first-half",  ("1st half",),            MEAN, mixed(range(HALF)),             paper=(60.7, 86.5)),
    row("second-half", ("2nd half",),            MEAN, mixed(range(HALF, NUM_BLOCKS)), paper=(60.6, 86.3)),
    row("odd",         ("Half (odd positions)",), MEAN, mixed(range(0, NUM_BLOCKS, 2)), paper=(60.3, 86.4)),
    row("all",         ("All",),                 MEAN,                                 paper=(61.6, 87.8)),
)
CLAIMS_LAYERS = (
    claim("X8", "main paper", "Mixing in all layers is best",
          [best("all", column, ("first-half", "second-half", "odd")) for column in ("top1", "top5")]),
)
# fmt: on

TABLE_LAYERS = table(
    "main-layers",
    "Layers with space-time mixing on SSv2 (submission version)",
    source=f"{SUBMISSION}, Table 2a",
    labels=("Layers",),
    columns=ACCURACY,
    rows=ROWS_LAYERS,
    notes=("Temporal aggregation is the mean over frames. Odd positions count from 1.", *NOTES),
    claims=CLAIMS_LAYERS,
)


def layers(number: int) -> Edits:
    return model(head=TemporalAttentionHead.Config(depth=number))


# fmt: off
ROWS_AGGREGATION = (
    row("ta-0", ("0 (temp. avg.)",), MEAN,      paper=(61.6, 87.8, None, None)),
    row("ta-1", ("1",),                         paper=(63.4, 89.6, None, None)),
    row("ta-2", ("2",),              layers(2), paper=(63.4, 89.6, None, None)),
    row("ta-3", ("3",),              layers(3), paper=(63.4, 89.6, None, None)),
)
LAYERS = [cell(f"ta-{number}.top1") for number in (1, 2, 3)]
CLAIMS_AGGREGATION = (
    claim("X9", "main paper", "One attention layer beats averaging",
          [above(cell(f"ta-1.{column}") - cell(f"ta-0.{column}")) for column in ("top1", "top5")]),
    claim("X10", "main paper", "Further layers bring nothing", within(largest(*LAYERS) - smallest(*LAYERS), Ours(1))),
)
# fmt: on

TABLE_AGGREGATION = table(
    "main-aggregation",
    "Number of temporal attention layers on SSv2 (submission version)",
    source=f"{SUBMISSION}, Table 2b",
    labels=("TA layers",),
    columns=(*ACCURACY, *COST),
    rows=ROWS_AGGREGATION,
    notes=("The paper prints neither parameters nor GFLOPs.", *NOTES),
    claims=CLAIMS_AGGREGATION,
)

# fmt: off
ROWS_MIXING = (
    row("none", (False, False, False), mixing(window=0), paper=(55.6, 83.5)),
    row("x",    (True,  False, False), mixing(of="x"),   paper=(62.1, 88.9)),
    row("k",    (False, True,  False), mixing(of="k"),   paper=(62.1, 88.9)),
    row("v",    (False, False, True),  mixing(of="v"),   paper=(61.5, 88.7)),
    row("kv",   (False, True,  True),                    paper=(63.4, 89.6)),
)
CLAIMS_MIXING = (
    claim("X11", "main paper", "Mixing keys and values is best",
          [best("kv", column, ("none", "x", "k", "v")) for column in ("top1", "top5")]),
)
# fmt: on

TABLE_MIXING = table(
    "main-mixing",
    "Space-time mixing of x, of keys and of values on SSv2 (submission version)",
    source=f"{SUBMISSION}, Table 2c",
    labels=("x", "Key", "Value"),
    columns=ACCURACY,
    rows=ROWS_MIXING,
    notes=("x: the common input of queries, keys and values. Without mixing, a head connects the frames.", *NOTES),
    claims=CLAIMS_MIXING,
)

# fmt: off
ROWS_FRACTION = (
    row("rho-0-avg", ("0 % (temp. avg.)",), MEAN, mixing(window=0), paper=(44.2, 71.4)),
    row("rho-0",     ("0 %",),   mixing(window=0),                  paper=(55.6, 83.5)),
    row("rho-25",    ("25 %",),  mixing(fraction=0.25),             paper=(63.3, None)),
    row("rho-50",    ("50 %",),                                     paper=(63.4, 89.6)),
    row("rho-100",   ("100 %",), mixing(fraction=1.0),              paper=(60.7, None)),
)
CLAIMS_FRACTION = (
    claim("X12", "main paper", "A quarter to half of the channels is best",
          above(smallest(cell("rho-25.top1"), cell("rho-50.top1")) - largest(cell("rho-0.top1"), cell("rho-100.top1")))),
)
# fmt: on

TABLE_FRACTION = table(
    "main-fraction",
    "Fraction of mixed channels on SSv2 (submission version)",
    source=f"{SUBMISSION}, Table 2d",
    labels=("ρ",),
    columns=ACCURACY,
    rows=ROWS_FRACTION,
    notes=("The values of top-5 at 25 % and 100 % are not at hand.", *NOTES),
    claims=CLAIMS_FRACTION,
)

SUMMARY = mixing(summary="patches")

# fmt: off
ROWS_SUMMARY = (
    row("neither", (False, False), MEAN,          paper=(61.6, 87.8, 77.8, 93.7)),
    row("summary", (True,  False), MEAN, SUMMARY, paper=(62.9, 89.2, 78.7, 93.7)),
    row("both",    (True,  True),  SUMMARY,       paper=(62.5, 89.1, 78.0, 93.2)),
    row("ta",      (False, True),                 paper=(63.4, 89.6, 78.5, 93.7)),
)
BOTH = ("ssv2", "k400")
CLAIMS_SUMMARY = (
    claim("X13", "main paper", "Temporal attention is better than the summary token",
          [above(cell(f"ta.{column}") - cell(f"summary.{column}")) for column in BOTH]),
    claim("X14", "main paper", "Both together are no better than one of them",
          [below(cell(f"both.{column}") - largest(cell(f"summary.{column}"), cell(f"ta.{column}"))) for column in BOTH]),
)
# fmt: on

TABLE_SUMMARY = table(
    "main-summary",
    "Summary token and temporal attention (submission version)",
    source=f"{SUBMISSION}, Table 3",
    labels=("Summary", "TA"),
    columns=BOTH_DATA_SETS,
    rows=ROWS_SUMMARY,
    notes=(
        "No code with the summary token was released. Here, it is the mean of the patches of a frame, normalised and "
        "projected like them. The paper sums over all tokens and divides by the number of patches.",
        *NOTES,
    ),
    claims=CLAIMS_SUMMARY,
)
