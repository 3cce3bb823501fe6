"""Empty matplotlib figure with the warnings of a report below it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def empty_figure(width: float, height: float, notice: str | None, dpi: int = 150) -> "Figure":
    """Figure of `width` x `height` inches with the notice, if there is one, in red at the bottom."""
    from matplotlib.figure import Figure  # takes a second to import

    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    if notice:
        figure.supxlabel(notice, fontsize="small", color="#B00000")
    return figure
