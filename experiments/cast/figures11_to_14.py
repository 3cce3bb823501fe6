"""Figures 11 to 14 of CAST: F1 scores by class of CAST and of its experts alone."""

from collections.abc import Mapping

from experiments.cast.base import EPIC100, RECIPE_NOTE, table
from experiments.cast.state_of_the_art import CLIP_ALONE, EXPERTS_NOTE, TABLE2_NOTE, VIDEO_MAE_ALONE
from experiments.spec.claims import above, cell, claim
from experiments.spec.class_f1 import WeightedF1
from experiments.spec.language import NOUN, VERB, ClassDifferences, ClassPanel, Column, PaperNote, Table, row

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
NOTES = (WEIGHTED_NOTE, TABLE2_NOTE, EXPERTS_NOTE, RECIPE_NOTE)


def panels(kind: str, gains: Mapping[str, float | None], *, by_category: bool = False) -> ClassDifferences:
    """Differences of CAST and an expert each, with the printed mean gains in points."""
    return ClassDifferences(
        panels=tuple(
            ClassPanel(
                title=f"{kind}s: CAST minus {EXPERTS[expert]}",
                row="cast",
                relative_to=expert,
                column=kind,
                kind=kind,
                by_category=by_category,
                printed_mean=points,
            )
            for expert, points in gains.items()
        )
    )


def improvements(name: str, expert: str, kind: str, *, points: float, key: str) -> Table:
    """Figure of the improvements over an expert on the classes of a kind, and the claim that their mean is above 0."""
    gain = above(cell(f"cast.{kind}-f1") - cell(f"{expert}.{kind}-f1"))
    return table(
        name,
        f"Improvements of CAST over {EXPERTS[expert]} on EK100 {kind} classes",
        labels=("Method",),
        columns=COLUMNS,
        rows=ROWS,
        figure=panels(kind, {expert: points}),
        notes=(PaperNote(f"The paper prints a mean improvement of {points} points, and none by class."), *NOTES),
        claims=(claim(key, "caption", f"The F1 of {kind}s rises over {EXPERTS[expert]}", gain, real_data=True),),
    )


TABLE_11 = improvements("figure11", "clip", "verb", points=17.8, key="C46")
TABLE_12 = improvements("figure12", "videomae", "verb", points=2.2, key="C46")
TABLE_13 = improvements("figure13", "clip", "noun", points=7.9, key="C47")
TABLE_14 = improvements("figure14", "videomae", "noun", points=9.2, key="C47")
