"""Parts of Figures 5 and 11 to 14 of CAST: F1 scores by class of CAST and of its experts alone."""

from collections.abc import Iterable
from dataclasses import dataclass

from experiments.cast.base import EPIC100, RECIPE_NOTE
from experiments.cast.state_of_the_art import CLIP_ALONE, OWN_NOTE, VIDEO_MAE_ALONE
from experiments.spec.class_f1 import WeightedF1
from experiments.spec.figures import F1Differences, F1Panel
from experiments.spec.metrics import NOUN, VERB
from experiments.spec.table import Column, row

COLUMNS = (
    Column(key="verb", header="Verb", metric=VERB, base=EPIC100, best="max"),
    Column(key="noun", header="Noun", metric=NOUN, base=EPIC100, best="max"),
    Column(key="verb-f1", header="Verb F1", metric=WeightedF1("verb_f1", "verb"), base=EPIC100, best="max"),
    Column(key="noun-f1", header="Noun F1", metric=WeightedF1("noun_f1", "noun"), base=EPIC100, best="max"),
)
EXPERTS = {"clip": "CLIP", "videomae": "VideoMAE"}

# fmt: off
ROWS = (
    row("clip",     ("CLIP",),     CLIP_ALONE,      paper=(54.9, 52.7, None, None)),
    row("videomae", ("VideoMAE",), VIDEO_MAE_ALONE, paper=(70.5, 51.4, None, None)),
    row("cast",     ("CAST",),                      paper=(72.5, 60.9, None, None)),
)
# fmt: on

WEIGHTED_NOTE = (
    "F1 by class is computed from the merged predictions. Means over classes are weighted by the numbers of videos: the "
    "printed averages are near the differences of the accuracies, so that theirs are most likely weighted, too."
)
NOTES = (WEIGHTED_NOTE, OWN_NOTE, RECIPE_NOTE)


@dataclass(frozen=True)
class Gain:
    """Mean gain of CAST over an expert that the paper prints, in points."""

    expert: str
    points: float | None = None


def panels(kind: str, gains: Iterable[Gain], *, by_category: bool = False) -> F1Differences:
    """Differences of CAST and an expert each."""
    return F1Differences(
        panels=tuple(
            F1Panel(
                title=f"{kind}s: CAST minus {EXPERTS[gain.expert]}",
                row="cast",
                relative_to=gain.expert,
                column=kind,
                kind=kind,
                by_category=by_category,
                printed_mean=gain.points,
            )
            for gain in gains
        )
    )
