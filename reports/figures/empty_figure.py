"""Empty matplotlib figure with the warnings of a report below it."""

from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHARACTERS = 13  # of the notice per inch
LINE = 0.16  # height of a line of the notice in inches


def empty_figure(width: float, height: float, notice: str | None, dpi: int = 150) -> "Figure":
    """Figure of `width` x `height` inches with the notice, if there is one, in red at the bottom.

    The notice is wrapped to the width. The figure becomes higher with each line after the first.
    """
    from matplotlib.figure import Figure  # takes a second to import

    limit = int(CHARACTERS * width)
    wrapped = [fill(line, limit, break_on_hyphens=False) for line in (notice or "").splitlines()]
    text = "\n".join(wrapped)
    figure = Figure(figsize=(width, height + LINE * text.count("\n")), dpi=dpi, layout="constrained")
    if text:
        figure.supxlabel(text, fontsize="small", color="#B00000")
    return figure
