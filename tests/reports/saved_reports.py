"""Reports with the verdicts on their claims, as the command renders and saves them."""

from pathlib import Path

from reports.figures import figures
from reports.figures.drawer import Drawer
from reports.pages.markup import Markdown
from reports.pages.report import Report
from reports.saved import Format, JudgedReport


def render(report: Report, form: Format = "md", root: Path | None = None) -> str:
    return JudgedReport(report, root).rendered(form)


def markdown(report: Report, root: Path | None = None) -> str:
    """Page in a file, by default the committed one."""
    judged = JudgedReport(report, root)
    return judged.page(Markdown(judged.path.parent))


def lines_of(text: str) -> dict[str, list[str]]:
    """Cells of the lines of tables in markdown, without their styles, by the first cell. The first line of a name."""
    rows = [line.strip("|").split("|") for line in text.replace("\\|", "/").splitlines() if line[:1] == "|"]
    cells = [[part.strip(" *") for part in row] for row in rows]
    return {first: rest for first, *rest in reversed(cells)}


def write(report: Report, root: Path | None = None, *, with_plot: bool = False) -> Path:
    return JudgedReport(report, root).write(with_plot=with_plot)


def drawn(report: Report) -> Drawer:
    found = figures.drawer(report)
    assert found is not None
    return found


def stale(report: Report, root: Path | None = None) -> bool:
    return JudgedReport(report, root).stale()
