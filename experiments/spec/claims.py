"""Claims: conclusions that a paper draws from a table, as comparisons of expressions over its cells."""

from collections.abc import Iterable
from dataclasses import dataclass

from experiments.spec.comparisons import Comparison, SameText
from experiments.spec.expressions import CellValue


@dataclass(frozen=True)
class Claim:
    """Conclusion of a paper.

    Args:
        key: short name, unique within the paper.
        place: section, caption or abstract that states it.
        text: paraphrase of the conclusion.
        comparisons: comparisons that must all hold.
        real_data: whether only models of the paper's size on its real data can support or refute it.
    """

    key: str
    place: str
    text: str
    comparisons: tuple[Comparison | SameText, ...]
    real_data: bool = False

    @property
    def cells(self) -> tuple[CellValue, ...]:
        """Cells of all comparisons, each once."""
        values = (value for comparison in self.comparisons for value in comparison.values)
        return tuple(dict.fromkeys(cell for value in values for cell in value.cells))


def claim(
    key: str,
    place: str,
    text: str,
    comparisons: Comparison | SameText | Iterable[Comparison | SameText],
    *,
    real_data: bool = False,
) -> Claim:
    """Claim with one comparison or several."""
    several = tuple(comparisons) if isinstance(comparisons, Iterable) else (comparisons,)
    return Claim(key, place, text, several, real_data)
