"""Scales: edits applied after those of rows and columns, so that runs of different sizes have different ids."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import methodcaller

from experiments.spec.edits import Edit, Edits, apply
from experiments.spec.names import nearest
from experiments.spec.run import Parent, RunConfig

# Function from a run at the paper's size to the parents that a small scale adds to it: runs of the small scale that train
# the parts of the model whose weights are read from files at the paper's size.
SmallParents = Callable[[RunConfig], tuple[Parent, ...]]


@dataclass(frozen=True)
class Scale:
    """Name and edits of a scale.

    `small`: whether a run takes minutes on one core, not hours on GPUs. A small scale also applies to the parents of a
    run, together with the recipe edits of the table.
    """

    name: str
    edits: Edits
    small: bool = False

    def of(self, run: RunConfig, recipe: Edits = (), small_parents: SmallParents | None = None) -> RunConfig:
        """Run at this scale. A small scale also applies to its parents.

        Args:
            recipe: edits of the training recipe for a small scale (`Table.tiny`).
            small_parents: parents that a small scale adds to the run and to its parents, after all edits
                (`Table.tiny_parents`).

        Raises:
            ValueError: if an added parent trains a part of the model that has a parent already.
        """
        if not self.small:
            return apply(run, self.edits)
        parents = (replace(parent, run=self.of(parent.run, recipe, small_parents)) for parent in run.parents)
        small = apply(replace(run, parents=tuple(parents)), (*self.edits, *recipe))
        return replace(small, parents=(*small.parents, *small_parents(run))) if small_parents is not None else small


PAPER = Scale("paper", ())
TINY = Scale("tiny", tuple(Edit(part, methodcaller("tiny")) for part in ("model", "data", "evaluation")), small=True)

SCALES = {scale.name: scale for scale in (PAPER, TINY)}


def find_scale(name: str) -> Scale:
    """Scale with this name.

    Raises:
        ValueError: for an unknown name, with the nearest or all names.
    """
    if name not in SCALES:
        hint = nearest(name, SCALES, f"there are {' and '.join(SCALES)}")
        raise ValueError(f"unknown scale '{name}'; {hint}")
    return SCALES[name]
