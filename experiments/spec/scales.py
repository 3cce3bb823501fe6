"""Scales: edits applied after all others, so that runs of another size have other ids."""

import difflib
from dataclasses import dataclass, replace
from typing import Protocol

from experiments.spec.edits import Edit, Edits, apply
from experiments.spec.run import RunConfig


@dataclass(frozen=True)
class Scale:
    """A name and its edits.

    `small`: whether a run takes minutes on one core, not hours on GPUs; the recipe edits of the table then apply too.
    """

    name: str
    edits: Edits
    small: bool = False

    def of(self, run: RunConfig, recipe: Edits = ()) -> RunConfig:
        """A run at this scale, its parents included.

        Args:
            recipe: what a small scale changes in the paper's recipes (`Table.tiny`).
        """
        if self.small:
            parents = tuple(replace(parent, run=self.of(parent.run, recipe)) for parent in run.parents)
            run = replace(run, parents=parents)
        return apply(run, (*self.edits, *(recipe if self.small else ())))


class Shrinks(Protocol):
    """A config with a tiny version of itself."""

    def tiny(self) -> "Shrinks":
        """That version."""
        ...


def shrunk(config: Shrinks) -> Shrinks:
    """The tiny version of a config."""
    return config.tiny()


PAPER = Scale("paper", ())
TINY = Scale("tiny", (Edit("model", shrunk), Edit("data", shrunk), Edit("evaluation", shrunk)), small=True)

SCALES = {scale.name: scale for scale in (PAPER, TINY)}


def find_scale(name: str) -> Scale:
    """The scale of that name.

    Raises:
        ValueError: naming the scales there are.
    """
    if name not in SCALES:
        near = difflib.get_close_matches(name, SCALES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {' and '.join(SCALES)}"
        raise ValueError(f"unknown scale '{name}'; {hint}")
    return SCALES[name]
