"""Index of the committed reports: every table and figure of the papers, and how many of its cells have a value."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from tabulate import tabulate

import reports.pages.markdown
from experiments.spec.catalog import captions, contents_of_papers, natural_order, paper_readme, papers
from experiments.spec.scales import PAPER, SCALES
from reports import summary
from reports.pages.markdown_markup import MARKDOWN, address, file_link, link
from reports.pages.report import Report
from reports.summary import Summary
from runner.machine.files import write_atomically

DASH = "–"
PER_LINE = 4  # pictures
WIDTH = 200  # pixels of a picture
TESTED = [f"tested, `{scale}`" for scale in SCALES]
COSTS = ["costs and settings", "as printed"]
CLAIMS = ["claims, printed", "claims, ours"]
INTRODUCTION = """\
# Tables and figures

What is here of each table and figure. `reproduce report --publish` writes this page, `reproduce report --check`
compares it with the reports.

- Tested, at a scale: cells that need a test with a value, of all, with a link to the report. At `paper` models and data
  are the paper's; at `tiny` models are small and data generated, so that they are not comparable with printed numbers.
- Costs and settings: cells that need no training, computed at the paper's size or measured, with a value, of all. As
  printed: those computed ones that show the printed value, of all for which the paper prints one. Largest miss: the
  largest difference from a printed number, with its cell, `ours (printed)`.
- Claims: conclusions of the paper that the printed numbers support, of all; and that ours support at `paper`, of those
  that a run can decide. The rest is not supported, or undecided: the reports say which, and why."""


def path() -> Path:
    """File of the index, beside the directory of the committed reports."""
    return reports.pages.markdown.TABLES.parent / "README.md"


def update(published: Iterable[Report]) -> Path:
    """Save the index, with new summaries of some committed reports. Returns its path.

    Raises:
        StoreError: if a file cannot be written.
        ValueError: if the saved summaries cannot be read.
    """
    folder = reports.pages.markdown.TABLES
    lines = summary.read(folder) | {(r.table.name, r.scale.name): summary.summary(r) for r in published}
    summary.save(lines.values(), folder)
    write_atomically(path(), page(lines))
    return path()


def stale(checked: Iterable[Report]) -> bool:
    """Whether the index differs from the summaries, or these from those of some committed reports.

    Raises:
        ValueError: if the saved summaries cannot be read.
    """
    lines = summary.read(reports.pages.markdown.TABLES)
    committed = [r for r in checked if reports.pages.markdown.report_path(r.table, r.scale).exists()]
    if any(lines.get((r.table.name, r.scale.name)) != summary.summary(r) for r in committed):
        return True
    try:
        return bool(lines) and path().read_text(encoding="utf-8") != page(lines)
    except (OSError, UnicodeDecodeError):
        return True


def page(lines: dict[tuple[str, str], Summary]) -> str:
    """Index as markdown, ending in a newline.

    Args:
        lines: summaries by table and scale.
    """
    shown = [paper for paper in papers() if _is_ours(paper) or any(table.startswith(f"{paper}/") for table, _ in lines)]
    return "\n\n".join([INTRODUCTION, _totals(shown, lines), *(_paper(paper, lines) for paper in shown)]) + "\n"


def _is_ours(paper: str) -> bool:
    return paper in contents_of_papers()


def _tables(paper: str) -> list[str]:
    return [name for name in captions() if name.startswith(f"{paper}/")]


def _totals(shown: list[str], lines: dict[tuple[str, str], Summary]) -> str:
    """Sums over the tables of each paper, and of all."""
    rows = []
    groups = {f"[{paper}](#{paper})": [paper] for paper in shown}
    for header, of_group in {**groups, "all": shown}.items():
        tables = [name for paper in of_group for name in _tables(paper)]
        of_tables = [_of_scales(name, lines) for name in tables]
        by_scale = {scale: [found[scale] for found in of_tables if scale in found] for scale in SCALES}
        of_any_scale = [next(iter(found.values())) for found in of_tables if found]
        rows.append(
            [
                header,
                str(len(tables)),
                *(_of(several, "tested", "tests") for several in by_scale.values()),
                _of(of_any_scale, "filled", "costs"),
                _of(of_any_scale, "as_printed", "counted"),
                _of(of_any_scale, "printed_support", "claims"),
                _of(by_scale[PAPER.name], "support", "decidable"),
            ]
        )
    headers = ["paper", "tables and figures", *TESTED, *COSTS, *CLAIMS]
    align = ["left", *["right"] * (len(headers) - 1)]
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True, colalign=align)


def _of_scales(name: str, lines: dict[tuple[str, str], Summary]) -> dict[str, Summary]:
    return {scale: lines[name, scale] for scale in SCALES if (name, scale) in lines}


def _of(several: list[Summary], part: str, whole: str) -> str:
    """Sums of two counts, as `part/whole`; a dash if there is nothing to count."""
    parts, wholes = (sum(int(getattr(line, name)) for line in several) for name in (part, whole))
    return f"{parts}/{wholes}" if wholes else DASH


def _paper(paper: str, lines: dict[tuple[str, str], Summary]) -> str:
    """Tables and pictures of a paper."""
    found, folder, here = contents_of_papers().get(paper), path().parent, _tables(paper)
    rows = {name: _row(name, lines) for name in here}
    intro = []
    if found is not None:
        intro.append(f"[{found['title']}]({found['url']}).")
    if (readme := paper_readme(paper)) is not None:
        intro.append(f"What differs from the paper: {file_link(readme, folder)}.")
    if found is not None and found["without_numbers"]:
        names = (name.replace("figure", "Figure ") for name in found["without_numbers"])
        intro.append(f"Without results to reproduce: {', '.join(names)}.")
    headers = ["name", "caption", *TESTED, *COSTS, "largest miss", *CLAIMS]
    ordered = [rows[name] for name in sorted(rows, key=natural_order)]
    align = ["left", "left", *["right"] * len(TESTED + COSTS), "left", *["right"] * len(CLAIMS)]
    table = tabulate(ordered, headers, tablefmt="pipe", disable_numparse=True, colalign=align)
    return "\n\n".join(filter(None, [f"## {paper}", " ".join(intro), table, _pictures(here)]))


def _row(name: str, lines: dict[tuple[str, str], Summary]) -> list[str]:
    """Line of a table."""
    found = _of_scales(name, lines)
    of_any_scale = list(found.values())[:1]
    return [
        name.partition("/")[2],
        MARKDOWN.escaped(captions()[name]),
        *(_cells(found.get(scale)) for scale in SCALES),
        _of(of_any_scale, "filled", "costs"),
        _of(of_any_scale, "as_printed", "counted"),
        _miss(of_any_scale),
        _of(of_any_scale, "printed_support", "claims"),
        _of([found[PAPER.name]] if PAPER.name in found else [], "support", "decidable"),
    ]


def _cells(line: Summary | None) -> str:
    """Tested cells of all, with a link to the report."""
    if line is None:
        return DASH
    file = reports.pages.markdown.TABLES / f"{line.table}.{line.scale}.md"
    return link(_of([line], "tested", "tests"), file, path().parent)


def _miss(several: list[Summary]) -> str:
    """Largest miss with its cell; a dash if nothing is counted."""
    if not any(int(line.counted) for line in several):
        return DASH
    (line,) = several
    missed = MARKDOWN.escaped(line.missed)
    return f"{line.largest_miss} % ({missed})" if line.largest_miss else f"text of {missed}" if missed else "0"


def _pictures(names: Iterable[str]) -> str:
    """Committed pictures of tables, of the first scale that has any, each with a link to its report."""
    cells = []
    for name in names:
        of_scales = {scale: sorted(_folder(name).glob(f"{Path(name).name}.{scale}*.png")) for scale in SCALES}
        scale = next((scale for scale, files in of_scales.items() if files), None)
        cells += [_picture(name, scale, file) for file in of_scales[scale]] if scale else []
    rows = [cells[start : start + PER_LINE] for start in range(0, len(cells), PER_LINE)]
    lines = [[""] * PER_LINE, ["---"] * PER_LINE, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""  # unpadded: its cells are long


def _folder(name: str) -> Path:
    return (reports.pages.markdown.TABLES / name).parent


def _picture(name: str, scale: str, file: Path) -> str:
    """Picture with its name, and a link to its report."""
    page = address(_folder(name) / f"{Path(name).name}.{scale}.md", path().parent)
    image = f'<img src="{address(file, path().parent)}" width="{WIDTH}" alt="{escape(captions()[name])}">'
    return f'<a href="{page}">{image}</a><br>{Path(name).name} at `{scale}`'
