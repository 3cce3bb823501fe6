"""Scales: sizes at which the tables are run, as edits of their runs, and what is said of the numbers.

Edits are applied after those of rows and columns, so that runs of different sizes have different ids.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import methodcaller

from experiments.spec.edits import Edit, Edits, apply
from experiments.spec.names import nearest
from experiments.spec.run import Parent, RunConfig

# From a run at the paper's size to the parents that a scale adds: they train what is read from files at that size.
AddedParents = Callable[[RunConfig], tuple[Parent, ...]]


class PaperNote(str):
    """Note that holds on the real data alone."""


class TinyNote(str):
    """Note that holds on generated data alone."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What the runs of a paper, or of one of its tables, get at a scale."""

    edits: Edits = ()
    """Edits after those of the scale, e.g. of the training recipe."""
    parents: AddedParents | None = None
    """Parents that are added after all edits; None for none."""
    left_out: Callable[[RunConfig], str] = lambda run: ""
    """Why a run at the paper's size has none at this scale; empty if it has one."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A scale. It applies to the parents of a run, too."""

    name: str
    models: str
    """What is trained on which data, in words."""
    edits: Edits = ()
    """Edits of the runs of all papers."""
    gpu: tuple[str, float] | None
    """GPU, and share of its peak, of which hours are assumed; None if runs take minutes on cores."""
    read_seconds: float | None = None
    """Assumed time of a core for a clip of videos that are prepared for this scale; None for published ones."""
    comparable: bool
    """Whether tested values are compared with printed ones."""
    without: type[str]
    """Notes that do not hold at it."""
    recipe: Recipe | None = None
    """Recipe of papers that name none; None if these cannot be run at it."""

    @property
    def on_cpu(self) -> bool:
        """Whether runs take minutes on cores, with generated data, and not hours on GPUs."""
        return self.gpu is None

    def of(self, run: RunConfig, recipe: Recipe = Recipe()) -> RunConfig:
        parents = (replace(parent, run=self.of(parent.run, recipe)) for parent in run.parents)
        scaled = apply(replace(run, parents=tuple(parents)), (*self.edits, *recipe.edits))
        return scaled if recipe.parents is None else replace(scaled, parents=(*scaled.parents, *recipe.parents(run)))


A100 = ("A100", 0.35)  # also where a scale names no GPU

PAPER = Scale(
    name="paper",
    models="the paper's models on its data",
    gpu=A100,
    comparable=True,
    without=TinyNote,
    recipe=Recipe(),
)
SMALL = Scale(
    name="small",
    models="small models on parts of its data",
    gpu=("RTX 4090", 0.2),  # of an eager ViT-S
    read_seconds=0.025,  # 16 to 30 ms for the clips of the papers, short side 192
    comparable=False,
    without=TinyNote,
)
TINY = Scale(
    name="tiny",
    models="small models on generated data",
    edits=tuple(Edit(part, methodcaller("tiny")) for part in ("model", "data", "evaluation")),
    gpu=None,
    comparable=False,
    without=PaperNote,
    recipe=Recipe(),
)

SCALES = {scale.name: scale for scale in (PAPER, SMALL, TINY)}


def find_scale(name: str) -> Scale:
    if name not in SCALES:
        hint = nearest(name, SCALES, f"there are {', '.join(SCALES)}")
        raise ValueError(f"unknown scale '{name}'; {hint}")
    return SCALES[name]
