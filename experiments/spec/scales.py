"""Scales: edits applied after those of rows and columns, so that runs of different sizes have different ids."""

import difflib
from dataclasses import dataclass, replace
from typing import Protocol

from experiments.spec.edits import Edit, Edits, apply
from experiments.spec.run import RunConfig


@dataclass(frozen=True)
class Scale:
    """Name and edits of a scale.

    `small`: whether a run takes minutes on one core, not hours on GPUs. A small scale also applies to the parents of a
    run, together with the recipe edits of the table.
    """

    name: str
    edits: Edits
    small: bool = False

    def of(self, run: RunConfig, recipe: Edits = ()) -> RunConfig:
        """Run at this scale. A small scale also applies to its parents.

        Args:
            recipe: edits of the training recipe for a small scale (`Table.tiny`).
        """
        if self.small:
            parents = tuple(replace(parent, run=self.of(parent.run, recipe)) for parent in run.parents)
            run = replace(run, parents=parents)
        return apply(run, (*self.edits, *(recipe if self.small else ())))


class Shrinks(Protocol):
    """Config with a tiny version."""

    def tiny(self) -> "Shrinks":
        """Tiny version of this config."""
        ...


def shrunk(config: Shrinks) -> Shrinks:
    """Tiny version of a config."""
    return config.tiny()


PAPER = Scale("paper", ())
TINY = Scale("tiny", (Edit("model", shrunk), Edit("data", shrunk), Edit("evaluation", shrunk)), small=True)

SCALES = {scale.name: scale for scale in (PAPER, TINY)}


def find_scale(name: str) -> Scale:
    """Scale with this name.

    Raises:
        ValueError: for an unknown name, with the nearest or all names.
    """
    if name not in SCALES:
        near = difflib.get_close_matches(name, SCALES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {' and '.join(SCALES)}"
        raise ValueError(f"unknown scale '{name}'; {hint}")
    return SCALES[name]
