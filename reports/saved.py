"""Reports in all formats, and pages in files with their pictures: written, compared with results, and published.

Committed pages are in reports/tables. They show the committed results alone. A page is fresh if it and the data of its
figure equal new ones, and its picture exists: everything else in a picture stands in one of them.
"""

import json
from pathlib import Path
from typing import Literal, get_args

from experiments.spec.attention_queries import queried
from experiments.spec.figure_runs import answered_runs
from experiments.spec.scales import Scale
from experiments.spec.shown_sequences import shown_sequences
from experiments.spec.table import Table
from reports.claims import claim_text
from reports.claims.judgement import JudgedClaim
from reports.costs import costs_of, costs_text
from reports.figures import figures
from reports.pages.frame import frame_as_csv, frame_as_json
from reports.pages.markup import ROOT, Markdown
from reports.pages.page import page
from reports.pages.report import Report
from runner.inference.answers import publish_clips
from runner.machine.files import StoreError, write_atomically
from runner.store.kept_pictures import AttentionMaps, MaskStrip, maps_id, strip_id
from runner.store.store import RunStore

Format = Literal["md", "csv", "json", "latex"]
Claims = tuple[JudgedClaim, ...]
TABLES = ROOT / "reports" / "tables"


def report_path(table: Table, scale: Scale, root: Path | None = None) -> Path:
    """Path of the saved report of a table: `<paper>/<table>.<scale>.md`.

    Args:
        root: directory of reports; by default that of the committed ones.
    """
    return (root or TABLES) / f"{table.name}.{scale.name}.md"


def rendered(report: Report, claims: Claims, form: Format = "md", path: Path | None = None) -> str:
    """Report as text, ending in a newline. Links and paths start from the current directory.

    Args:
        path: file of the report, for links to its picture; by default the committed one.

    Raises:
        ValueError: for an unknown format.
    """
    match form:
        case "md":
            return _markdown(report, claims, path or report_path(report.table, report.scale), Path.cwd())
        case "json":
            costs = [cost._asdict() for cost in costs_of(report)]
            values = {**frame_as_json(report), "costs": costs, "claims": claim_text.as_json(claims)}
            return json.dumps(values, indent=1, ensure_ascii=False) + "\n"
        case "csv":
            return frame_as_csv(report)
        case "latex":
            from reports.pages.latex import latex

            return latex(report)
    raise ValueError(f"unknown format '{form}'; choose from {', '.join(get_args(Format))}")


def _markdown(report: Report, claims: Claims, path: Path, folder: Path) -> str:
    """Page as markdown, with links that start from a folder."""
    markup = Markdown(folder)
    return whole_page(report, claims_text(report, claims, markup), markup, path)


def whole_page(report: Report, claims: str, markup: Markdown, path: Path) -> str:
    """Page with its figure or plot, claims and costs.

    Args:
        claims: part on the claims of the table.
        path: file of the report, with its picture and data beside it.
    """
    figure = figures.drawer(report)
    return page(
        report,
        markup,
        figure=figures.figure_text(figure, markup, path) if figure is not None else "",
        plot=figures.plot_text(report, markup, path),
        claims=claims,
        costs=costs_text(report, markup),
    )


def claims_text(report: Report, claims: Claims, markup: Markdown) -> str:
    """Verdicts on what the paper concludes from the table; empty without claims."""
    if not claims:
        return ""
    lines = [
        [markup.escaped(claim), f"`{comparison}`", *map(markup.escaped, others)]
        for claim, comparison, *others in claim_text.lines(claims)
    ]
    parts = [
        markup.heading(2, "What the paper concludes"),
        markup.table([claim_text.HEADERS], lines),
        markup.paragraph(claim_text.caution(report.overrides)),
        markup.folded("How claims are judged", " ".join(claim_text.method(claims, report.facts.unit))),
    ]
    return "\n\n".join(filter(None, parts))


def write(report: Report, claims: Claims, root: Path | None = None, *, with_plot: bool = False) -> Path:
    """Save the report with its picture and its data. Returns its path.

    Committed pictures are drawn again, others only if their page is stale.

    Args:
        root: directory of reports; by default that of the committed ones.
        with_plot: whether a table without a figure gets a plot of its rows. A plot that exists is always updated.

    Raises:
        ValueError: for a report with overrides or of some rows only.
        StoreError: if it cannot be written.
    """
    if not report.whole:
        raise ValueError(f"a report of '{report.table.name}' with overrides or of some rows only is printed, not saved")
    path = report_path(report.table, report.scale, root)
    picture = path.with_suffix(".png")
    is_plotted = with_plot or picture.exists()
    text = _markdown(report, claims, path, path.parent)
    if root is None or not picture.exists() or _differs(report, text, path):
        drawn = figures.drawer(report) or (figures.plot(report) if is_plotted else None)
        if drawn is not None:
            figures.save_with_data(drawn, path)
            text = _markdown(report, claims, path, path.parent)  # a plot stands on a page once its picture exists
    write_atomically(path, text)
    return path


def stale(report: Report, claims: Claims, root: Path | None = None) -> bool:
    """Whether the saved page or the data of its figure differ from those of the current results, or it has no picture.

    A missing page is stale if there is a result.

    Raises:
        StoreError: if the saved page cannot be read.
    """
    path = report_path(report.table, report.scale, root)
    return _differs(report, _markdown(report, claims, path, path.parent), path)


def _differs(report: Report, text: str, path: Path) -> bool:
    """Whether a saved page differs from a text, or the data of its figure from new ones."""
    try:
        if path.read_text(encoding="utf-8") != text:
            return True
    except FileNotFoundError:
        return any(result.value is not None for row in report.rows for cell in row.cells for result in cell.seeds)
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot read {path}: {error}; `reproduce report --publish` writes it again") from None
    figure = figures.drawer(report)
    return figure is not None and not figures.is_fresh(figure, path)


def publish(report: Report, store: RunStore) -> int:
    """Copy the small result files of a report that are not published yet. Returns the number of tests.

    Frames of real videos are never published.

    Raises:
        StoreError: if they cannot be written.
    """
    results = [result.test for cell in report.cells for result in cell.seeds]
    made = {
        found.file: found.directory
        for found in (*results, *(cell.measurement for cell in report.cells))
        if found is not None and not found.directory.is_published
    }
    for file, directory in made.items():
        store.publish(directory, file)
    cells = [cell.cell for cell in report.cells]
    for _, run, query in queried(report.table.figure, cells):
        if run.data.dataset.stand_in is not None:
            store.publish_pictures(run, AttentionMaps.folder, maps_id(run, query))
    for sequence in shown_sequences(report.table.figure, cells):
        if sequence.run.data.dataset.stand_in is not None:
            store.publish_pictures(sequence.run, MaskStrip.folder, strip_id(sequence))
    for _, run in answered_runs(report.table.figure, cells):
        if run.data.dataset.stand_in is not None:
            publish_clips(run, store)
    return len({result.file for result in results if result is not None and result.file in made})
