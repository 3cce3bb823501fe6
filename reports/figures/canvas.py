"""Matplotlib figures of reports: colours, warnings below, and their PNG."""

import io
from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The colours of Okabe and Ito can be distinguished by colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
CHARACTERS = 13  # of a warning per inch
LINE = 0.16  # height of a line of a warning in inches


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


def png(figure: "Figure") -> bytes:
    """Figure as PNG. Date and matplotlib version are left out: equal figures give equal bytes."""
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()
