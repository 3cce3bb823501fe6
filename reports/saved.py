"""Reports in all formats, and pages in files with their pictures: written, and compared with results.

Committed pages are in reports/tables. They show the committed results alone. A page is fresh if it and the data of its
figure equal new ones, and its picture exists: everything else in a picture stands in one of them.

Figures and claims, which only some tables have, are imported for them alone.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reports.costs import costs_of, costs_text
from reports.pages.markup import ROOT, Markdown
from reports.pages.page import page
from reports.pages.report import Report
from runner.machine.files import write_atomically

if TYPE_CHECKING:
    from reports.claims.verdicts import JudgedClaim

Format = Literal["md", "csv", "json", "latex"]
TABLES = ROOT / "reports" / "tables"


def report_path(table: str, scale: str, root: Path | None = None) -> Path:
    """Path of the saved report of a table: `<paper>/<table>.<scale>.md`, by default that of the committed one."""
    return (root or TABLES) / f"{table}.{scale}.md"


@dataclass(frozen=True)
class JudgedReport:
    """Report with the verdicts on the claims of its table. `root`: directory of reports; by default the committed."""

    report: Report
    root: Path | None = None

    @property
    def path(self) -> Path:
        return report_path(self.report.table.name, self.report.scale.name, self.root)

    @property
    def curves(self) -> Path:
        return self.path.with_suffix(".curves.png")

    @cached_property
    def claims(self) -> "tuple[JudgedClaim, ...]":
        """Verdicts; empty without all rows of the table."""
        report = self.report
        if not report.table.claims or len(report.rows) < len(report.table.rows):
            return ()
        from reports.claims.judge import judge

        return judge(report.table, report.scale, report.rows)

    def rendered(self, form: Format) -> str:
        """Report as text, ending in a newline. Links and paths start from the current directory."""
        match form:
            case "md":
                return self.page(Markdown(Path.cwd()))
            case "json":
                from reports.claims.claim_text import as_json
                from reports.pages.agreement import compared_json
                from reports.pages.tidy_frame import frame_as_json

                costs = [cost._asdict() for cost in costs_of(self.report)]
                parts = {"costs": costs, "claims": as_json(self.claims), "comparisons": compared_json(self.report)}
                values = {**frame_as_json(self.report), **parts}
                return json.dumps(values, indent=1, ensure_ascii=False) + "\n"
            case "csv":
                from reports.pages.tidy_frame import frame, frame_as_csv

                return frame_as_csv(frame(self.report))
            case "latex":
                from reports.pages.latex import latex

                return latex(self.report)

    def page(self, markup: Markdown, claims: str | None = None) -> str:
        """Page with its figure or plot, and the part on its claims: the verdicts or another text."""
        report, figure, plot, picture = self.report, "", "", self.path.with_suffix(".png")
        if report.table.figure is not None:
            from reports.figures import figures

            figure = figures.figure_text(report, markup, self.path)
        elif report.whole and picture.exists():
            plot = markup.folded("Plot", markup.picture(report.table.caption, picture))
        if report.whole and self.curves.exists():
            curves = markup.folded("Curves of the trainings", markup.picture("Curves of the trainings", self.curves))
            plot = "\n\n".join(filter(None, [plot, curves]))
        if claims is None and self.claims:
            from reports.claims.claim_text import claims_text

            claims = claims_text(report, self.claims, markup)
        costs = costs_text(report, markup)
        return page(report, markup, figure=figure, plot=plot, claims=claims or "", costs=costs)

    def write(self, *, with_plot: bool = False) -> Path:
        """Save the page with its picture and its data. Returns its path.

        Committed pictures are drawn again, others only if their page is stale. A table without a figure gets a plot of
        its rows on request; one that exists is always updated.
        """
        report, path = self.report, self.path
        if not report.whole:
            raise ValueError(
                f"a report of '{report.table.name}' with overrides or of some rows only is printed, not saved"
            )
        picture, text = path.with_suffix(".png"), self.page(Markdown(path.parent))
        is_drawn = report.table.figure is not None or with_plot or picture.exists()
        if is_drawn and (self.root is None or not picture.exists() or self._differs(text)):
            from reports.curve_plots import save_curves
            from reports.figures import figures

            if (drawn := figures.drawer(report)) is not None:
                figures.save_with_data(drawn, path)
                save_curves(report, self.curves)
                text = self.page(Markdown(path.parent))  # a plot stands on a page once its picture exists
        write_atomically(path, text)
        return path

    def stale(self) -> bool:
        """Whether the saved page or the data of its figure differ from the current results, or it has no picture.

        A missing page is stale if there is a result.
        """
        return self._differs(self.page(Markdown(self.path.parent)))

    def _differs(self, text: str) -> bool:
        """Whether the saved page differs from a text, or the data of its figure from new ones."""
        report, path = self.report, self.path
        try:
            if path.read_text(encoding="utf-8", errors="replace") != text:
                return True
        except FileNotFoundError:
            return any(result.value is not None for cell in report.cells for result in cell.seeds)
        if report.table.figure is None:
            return False
        from reports.figures import figures

        drawn = figures.drawer(report)
        return drawn is not None and not figures.is_fresh(drawn, path)
