"""Reports with the verdicts on their claims, as the command renders and saves them."""

from pathlib import Path

from reports import saved
from reports.claims.claim_text import claims_text
from reports.pages.markup import Markdown
from reports.pages.report import Report
from reports.saved import Format, claims_of


def render(report: Report, form: Format = "md", path: Path | None = None) -> str:
    return saved.rendered(report, claims_of(report), form, path)


def markdown(report: Report, path: Path | None = None) -> str:
    """Page in a file, by default the committed one."""
    file = path or saved.report_path(report.table, report.scale)
    markup = Markdown(file.parent)
    return saved.whole_page(report, claims_text(report, claims_of(report), markup), markup, file)


def write(report: Report, root: Path | None = None, *, with_plot: bool = False) -> Path:
    return saved.write(report, claims_of(report), root, with_plot=with_plot)


def stale(report: Report, root: Path | None = None) -> bool:
    return saved.stale(report, claims_of(report), root)
