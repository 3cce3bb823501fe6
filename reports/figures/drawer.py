"""Drawers: each type of figure in experiments/spec/figures.py has one, and tables without a figure.

A picture may be shown without its page, so that it has warnings of its own.
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence, Sized
from itertools import takewhile
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Generic, TypeVar

from experiments.spec.figures import ColumnFigure
from experiments.spec.metrics import ACCURACIES
from experiments.spec.scales import Scale
from experiments.spec.table import one_line
from reports.pages.agreement import sampling_error
from reports.pages.markup import Markdown
from reports.pages.report import Report, ReportCell
from reports.pages.table_texts import data_text, row_names
from runner.machine.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The colours of Okabe and Ito can be distinguished by colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
CHARACTERS = 13  # of a notice per inch
LINE = 0.16  # height of a line of a notice in inches

Shown = TypeVar("Shown", bound=Sized)
Kept = TypeVar("Kept")


class Drawer(ABC, Generic[Shown]):
    """Draws a report."""

    shown: Shown
    """What is drawn; empty without results."""

    def __init__(self, report: Report) -> None:
        self.report = report

    @abstractmethod
    def draw(self, notice: str | None) -> "Figure":
        """Matplotlib figure, with a notice at the bottom."""

    def data(self) -> str | None:
        """Plotted data as CSV, saved beside the picture; None if the page has them."""
        return None

    def shown_columns(self) -> tuple[str, ...]:
        """Keys of the columns whose values are drawn."""
        figure = self.report.table.figure
        return figure.columns if figure is not None else ()

    def warnings(self) -> list[str]:
        """Warnings below the picture, besides those that all pictures have."""
        return []

    def errors(self) -> list[str]:
        """What its error bars are; nothing without any."""
        return []

    def explanation(self) -> str:
        """What marks and numbers of the picture mean, in one paragraph; empty if its legend and axes say it."""
        return ""

    def text(self, markup: Markdown) -> str:
        """Table of what the picture shows; empty if the table of the report says it."""
        return ""

    def provenance_lines(self) -> list[str]:
        """Provenance of the data, one line per row; empty if the page has it."""
        return []

    def row_pictures(self) -> "Mapping[str, Figure]":
        """Part of the picture for each row, by its name; empty if it does not consist of such parts."""
        return {}

    def notice(self) -> str | None:
        """Warnings in the picture: small models, generated data, released weights, published results, overrides."""
        report, facts, names, columns = (
            self.report,
            self.report.facts,
            row_names(self.report.table),
            self.shown_columns(),
        )
        shown = [c for c in report.cells if not c.row.quoted and c.value is not None and c.column.key in columns]
        every = list(dict.fromkeys(names[cell.row.key] for cell in shown))
        marks = {
            "Released weights, tested here": [names[cell.row.key] for cell in shown if cell.released],
            "Published results, not run here": [names[cell.row.key] for cell in shown if cell.published],
        }
        named = [f"{start}: {_named(list(dict.fromkeys(rows)), every)}." for start, rows in marks.items() if rows]
        is_tested = bool(facts.generated or facts.given)  # otherwise, everything is measured at the paper's size
        data = data_text(facts.unit, facts.generated, facts.given) if is_tested else None
        return notice(report.scale, data, report.overrides, [*self.errors(), *named, *self.warnings()])

    def picture(self) -> "Figure":
        return self.draw(self.notice())

    def save(self, path: Path) -> None:
        save(self.picture(), path)


class KeptDrawer(Drawer[dict[str, Kept]]):
    """Draws what is kept of the runs of rows, of one kind."""

    kind: type[Kept]

    def __init__(self, report: Report, figure: ColumnFigure) -> None:
        super().__init__(report)
        names = row_names(report.table)
        self.shown = {names[key]: kept for key, kept in report.pictures.items() if isinstance(kept, self.kind)}


def error_of(cell: ReportCell) -> float | None:
    """Half of the error bar of a value: the deviation over its seeds, or the sampling error of the accuracy of one."""
    if cell.std is not None or cell.metric not in ACCURACIES or not isinstance(cell.value, float):
        return None if cell.std is None else round(cell.std, 10)
    tests = [one.test.record for one in cell.seeds if one.test is not None]
    return round(sampling_error(cell.value, tests[0].videos.evaluated), 10) if len(tests) == 1 else None


def errors_text(report: Report, columns: Iterable[str]) -> list[str]:
    """What the error bars of some columns are, in one sentence; nothing without any."""
    found = [cell for cell in report.cells if cell.column.key in columns and not cell.row.quoted and error_of(cell)]
    of_seeds, of_one = (any((cell.std is None) == alone for cell in found) for alone in (False, True))
    kinds = ["standard deviation over seeds"] if of_seeds else []
    kinds += [f"95 % interval over other draws of the test {report.facts.unit}"] if of_one else []
    return [f"Error bars: {' or, of one seed, '.join(kinds)}."] if kinds else []


def shared_header(headers: Sequence[tuple[str, ...]]) -> str:
    """Header levels that all columns of a run share; the first header if they share none."""
    shared = [same[0] for same in takewhile(lambda same: len(set(same)) == 1, zip(*headers, strict=False))]
    return one_line(tuple(shared) or headers[0])


def notice(scale: Scale, data: str | None, overrides: Iterable[str], others: Iterable[str] = ()) -> str | None:
    """Warnings in a picture, a line each: of small models on data, others, and of overrides."""
    small = [f"Scale {scale.name}: small models on {data}."] if not scale.comparable and data else []
    changes = ", ".join(overrides)
    return "\n".join([*small, *others, *([f"Not the table's runs: {changes}."] if changes else [])]) or None


def _named(names: list[str], every: list[str]) -> str:
    """Some of all names, the shortest way. Names contain commas."""
    if len(names) == len(every) > 1:
        return "all rows"
    listed, others = "; ".join(names), [name for name in every if name not in names]
    but = f"all rows but {'; '.join(others)}"
    return but if others and len(but) < len(listed) else listed


def empty_figure(width: float, height: float, notice: str | None, dpi: int = 150) -> "Figure":
    """Figure of `width` x `height` inches with the notice, if there is one, in red at the bottom.

    The notice is wrapped to the width. The figure becomes higher with each line after the first.
    """
    from matplotlib.figure import Figure  # takes a second to import

    limit = int(CHARACTERS * width)
    text = "\n".join(fill(line, limit, break_on_hyphens=False) for line in (notice or "").splitlines())
    figure = Figure(figsize=(width, height + LINE * text.count("\n")), dpi=dpi, layout="constrained")
    if text:
        figure.supxlabel(text, fontsize="small", color="#B00000")
    return figure


def png(figure: "Figure", num_colours: int | None = None) -> bytes:
    """Figure as PNG. Date and matplotlib version are left out: equal figures give equal bytes.

    Args:
        num_colours: size of a palette for plots of lines; by default all colours.
    """
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    if num_colours is None:
        return content.getvalue()
    from PIL import Image  # here, as matplotlib

    reduced = io.BytesIO()
    Image.open(content).convert("RGB").quantize(num_colours).save(reduced, format="png", optimize=True)
    return reduced.getvalue()


def save(figure: "Figure", path: Path, num_colours: int | None = None) -> None:
    with replacing(path, remedy="name another file") as partial:
        partial.write_bytes(png(figure, num_colours))
