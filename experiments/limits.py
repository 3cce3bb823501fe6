"""Numbers of a run without which nothing can be built, checked where the command line changes them."""

import functools
import math
from typing import NamedTuple

from experiments.run import RunConfig


class Limit(NamedTuple):
    """What a field may be; a field that a run does not have, or that is None, is free."""

    path: str
    least: float
    below: float = math.inf
    may_be_least: bool = True

    def check(self, run: RunConfig) -> None:
        """Refuse a number out of range, and what is no number.

        Raises:
            ValueError: naming the field and its range.
        """
        number = functools.reduce(lambda owner, name: getattr(owner, name, None), self.path.split("."), run)
        assert number is None or isinstance(number, int | float)
        if number is None or (self.least < number < self.below) or (self.may_be_least and number == self.least):
            return
        least = f"{self.least:g} or more" if self.may_be_least else f"more than {self.least:g}"
        raise ValueError(
            f"{self.path} is {number}; it must be {least}"
            + (f" and below {self.below:g}" if self.below < math.inf else "")
        )


# fmt: off
LIMITS = (
    Limit("model.width",              1),
    Limit("model.depth",              1),
    Limit("model.heads",              1),
    Limit("model.tokens.patch",       1),
    Limit("model.tokens.tubelet",     1),
    Limit("model.positions.side",     1),
    Limit("model.mlp_ratio",          0, may_be_least=False),
    Limit("model.linear_std",         0, may_be_least=False),
    Limit("model.drop_path",          0, below=1),
    Limit("data.std",                 0, may_be_least=False),
    Limit("data.dataset.num_classes", 1),
)
# fmt: on


def check_limits(run: RunConfig) -> None:
    """Refuse a run that cannot be built or trained.

    Raises:
        ValueError: for the first number out of range, or heads that do not share the width.
    """
    for limit in LIMITS:
        limit.check(run)
    if run.model.width % run.model.heads:
        raise ValueError(f"model.width is {run.model.width}; it does not divide into {run.model.heads} heads")
