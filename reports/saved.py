"""Reports in all formats, and pages in files with their pictures: written, compared with results, and published.

Committed pages are in reports/tables. They show the committed results alone. A page is fresh if it and the data of its
figure equal new ones, and its picture exists: everything else in a picture stands in one of them.

Figures and claims, which only some tables have, are imported for them alone.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from experiments.spec.scales import Scale
from experiments.spec.table import Table
from reports.costs import costs_of, costs_text
from reports.pages.markup import ROOT, Markdown
from reports.pages.page import page
from reports.pages.report import Report
from reports.pages.tidy_frame import frame_as_csv, frame_as_json
from runner.machine.files import StoreError, write_atomically
from runner.store.store import RunStore

if TYPE_CHECKING:
    from reports.claims.verdicts import JudgedClaim

    Claims = tuple[JudgedClaim, ...]

Format = Literal["md", "csv", "json", "latex"]
TABLES = ROOT / "reports" / "tables"


def report_path(table: Table, scale: Scale, root: Path | None = None) -> Path:
    """Path of the saved report of a table: `<paper>/<table>.<scale>.md`, by default that of the committed one."""
    return (root or TABLES) / f"{table.name}.{scale.name}.md"


def claims_of(report: Report) -> "Claims":
    """Verdicts on the claims of the table of a report; empty without all its rows."""
    if not report.table.claims or len(report.rows) < len(report.table.rows):
        return ()
    from reports.claims.judge import judge

    return judge(report.table, report.scale, report.rows, generated=bool(report.facts.generated))


def rendered(report: Report, claims: "Claims", form: Format = "md", path: Path | None = None) -> str:
    """Report as text, ending in a newline. Links and paths start from the current directory.

    `path` is the file of the report, beside which its picture lies; by default the committed one.
    """
    match form:
        case "md":
            return _markdown(report, claims, path or report_path(report.table, report.scale), Path.cwd())
        case "json":
            from reports.claims.claim_text import as_json

            costs = [cost._asdict() for cost in costs_of(report)]
            values = {**frame_as_json(report), "costs": costs, "claims": as_json(claims)}
            return json.dumps(values, indent=1, ensure_ascii=False) + "\n"
        case "csv":
            return frame_as_csv(report)
        case "latex":
            from reports.pages.latex import latex

            return latex(report)


def _markdown(report: Report, claims: "Claims", path: Path, folder: Path) -> str:
    """Page as markdown, with links that start from a folder."""
    markup, text = Markdown(folder), ""
    if claims:
        from reports.claims.claim_text import claims_text

        text = claims_text(report, claims, markup)
    return whole_page(report, text, markup, path)


def whole_page(report: Report, claims: str, markup: Markdown, path: Path) -> str:
    """Page with its figure or plot beside the report file `path`, the part on its claims, and costs."""
    figure = plot = ""
    if report.table.figure is not None:
        from reports.figures import figures

        figure = figures.figure_text(report, markup, path)
    elif report.whole and path.with_suffix(".png").exists():
        plot = markup.folded("Plot", markup.picture(report.table.caption, path.with_suffix(".png")))
    return page(report, markup, figure=figure, plot=plot, claims=claims, costs=costs_text(report, markup))


def write(report: Report, claims: "Claims", root: Path | None = None, *, with_plot: bool = False) -> Path:
    """Save the report with its picture and its data. Returns its path.

    Committed pictures are drawn again, others only if their page is stale.

    Args:
        root: directory of reports; by default that of the committed ones.
        with_plot: whether a table without a figure gets a plot of its rows. A plot that exists is always updated.
    """
    if not report.whole:
        raise ValueError(f"a report of '{report.table.name}' with overrides or of some rows only is printed, not saved")
    path = report_path(report.table, report.scale, root)
    picture = path.with_suffix(".png")
    is_drawn = report.table.figure is not None or with_plot or picture.exists()
    text = _markdown(report, claims, path, path.parent)
    if is_drawn and (root is None or not picture.exists() or _differs(report, text, path)):
        from reports.figures import figures

        drawn = figures.drawer(report) or figures.plot(report)
        if drawn is not None:
            figures.save_with_data(drawn, path)
            text = _markdown(report, claims, path, path.parent)  # a plot stands on a page once its picture exists
    write_atomically(path, text)
    return path


def stale(report: Report, claims: "Claims", root: Path | None = None) -> bool:
    """Whether the saved page or the data of its figure differ from those of the current results, or it has no picture.

    A missing page is stale if there is a result.
    """
    path = report_path(report.table, report.scale, root)
    return _differs(report, _markdown(report, claims, path, path.parent), path)


def _differs(report: Report, text: str, path: Path) -> bool:
    """Whether a saved page differs from a text, or the data of its figure from new ones."""
    try:
        if path.read_text(encoding="utf-8") != text:
            return True
    except FileNotFoundError:
        return any(result.value is not None for cell in report.cells for result in cell.seeds)
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot read {path}: {error}; `reproduce report --publish` writes it again") from None
    if report.table.figure is None:
        return False
    from reports.figures import figures

    drawn = figures.drawer(report)
    return drawn is not None and not figures.is_fresh(drawn, path)


def publish(report: Report, store: RunStore) -> int:
    """Copy the small result files of a report that are not published yet. Returns the number of tests."""
    tests = [result.test for cell in report.cells for result in cell.seeds]
    made = {
        found.file: found.directory
        for found in (*tests, *(cell.measurement for cell in report.cells))
        if found is not None and not found.directory.is_published
    }
    for file, directory in made.items():
        store.publish(directory, file)
    if report.table.figure is not None:
        from reports.figures.kept import publish_pictures

        publish_pictures(report.table.figure, [cell.cell for cell in report.cells], store)
    return len({test.file for test in tests if test is not None and test.file in made})
