"""Index of the committed reports: every table and figure of the papers, and how many of its cells have a value.

Counts and seeds of each report stand in `tables/summary.csv`, from which the page is made.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from experiments.spec.catalog import captions, contents_of_papers, natural_order, papers
from experiments.spec.metrics import Computed
from experiments.spec.number_formats import value_text
from experiments.spec.paper_folders import paper_file
from experiments.spec.scales import PAPER, SCALES
from experiments.spec.table import Table
from reports import saved
from reports.pages.agreement import compared
from reports.pages.markup import Markdown
from reports.pages.report import ReportCell, is_number
from reports.pages.table_texts import DASH, cell_name, cell_text
from reports.pages.tidy_frame import csv_text
from reports.saved import JudgedReport, report_path
from runner.machine.files import write_atomically

FILE = "summary.csv"
WIDTH = 200  # pixels of a picture
COUNTS = [*(f"at {scale}" for scale in SCALES), "costs", "as printed", "claims", "ours"]
INTRODUCTION = """\
# Tables and figures

How much of each table and figure has a value here. A name leads to the report at the paper's size, a count below
a smaller scale to the report at that scale."""
LEGEND = """\
- **At** a scale: cells that need a test with a value, of all. At `paper` models and data are the paper's; at `small`
  models are small and data are parts of the paper's; at `tiny` models are small and data generated. Only the first are
  comparable with printed numbers. Confirmed: a test that others made again and published agrees within its error.
- **Costs**: cells that need no training, computed at the paper's size or measured, with a value, of all.
  **As printed**: those computed ones that show the printed value, of all for which the paper prints one.
- **Claims**: conclusions of the paper that its printed numbers support, of all. **Ours**: those that our numbers
  support at `paper`, of those that a run can decide. The rest is not supported, or undecided: the reports say which,
  and why.

`reproduce report '*' --publish` writes this page and the reports, `reproduce report '*' --check` compares them with the
published results."""


class Summary(NamedTuple):
    """Counts of a report: cells of rows that are not quoted, and claims."""

    table: str
    scale: str
    seeds: str
    tests: int
    """Cells whose values come from tests, those with a value, and those that a test by others confirms."""
    tested: int
    confirmed: int
    costs: int
    """Other cells, and those with a value."""
    filled: int
    counted: int
    """Cells computed from a config that the paper prints, and those that show the printed value."""
    as_printed: int
    largest_miss: str
    """Largest difference of a counted number from the printed one, or a text that differs, with its cell."""
    claims: int
    printed_support: int
    decidable: int
    """Claims that a run can decide, and those that ours support."""
    support: int


Summaries = dict[tuple[str, str], Summary]  # by table and scale


def summary(judged: JudgedReport) -> Summary:
    report, claims, table = judged.report, judged.claims, judged.report.table
    cells = [cell for cell in report.cells if not cell.row.quoted and cell.state != "not applicable"]
    tests = [cell for cell in cells if table.rests_on_test(cell.metric)]
    costs = [cell for cell in cells if not table.rests_on_test(cell.metric)]
    counted = [cell for cell in report.cells if is_counted(cell)]
    different = [cell for cell in counted if value_text(cell.value, cell.form) != value_text(cell.printed, cell.form)]
    missed = max(different, key=_miss, default=None)
    verdicts = [{judgement.verdict for judgement in claim.judgements} for claim in claims]
    return Summary(
        table=table.name,
        scale=report.scale.name,
        seeds=" ".join(map(str, report.seeds)),
        tests=len(tests),
        tested=sum(cell.value is not None for cell in tests),
        confirmed=sum(_is_confirmed(cell) for cell in tests),
        costs=len(costs),
        filled=sum(cell.value is not None for cell in costs),
        counted=len(counted),
        as_printed=len(counted) - len(different),
        largest_miss="" if missed is None else _miss_text(table, missed),
        claims=len(claims),
        printed_support=sum(all(one.printed == "supported" for one in claim.judgements) for claim in claims),
        decidable=sum("never" not in found or "not supported" in found for found in verdicts),
        support=verdicts.count({"supported"}),
    )


def _is_confirmed(cell: ReportCell) -> bool:
    return any(one.agrees for result in cell.seeds for one in compared(cell.metric, result).values())


def is_counted(cell: ReportCell) -> bool:
    """Whether a cell is computed from a config at the paper's size, and the paper prints a value of the same kind."""
    is_computed = isinstance(cell.metric, Computed) and cell.state == "measured"
    return is_computed and cell.printed is not None and is_number(cell.value) == is_number(cell.printed)


def _miss(cell: ReportCell) -> float:
    """Difference of a number, rounded as printed, from the printed one, in percent of it; 0 for texts."""
    printed = cell.printed
    if not is_number(printed):
        return 0.0
    ours = float(value_text(cell.value, cell.form))
    return 100 * abs(ours - printed) / abs(printed) if printed else 100.0 * (ours != printed)


def _miss_text(table: Table, cell: ReportCell) -> str:
    named, miss = f"{cell_name(table, cell.row, cell.column)}: {cell_text(cell)}", _miss(cell)
    return f"{float(f'{miss:.2g}'):g} % ({named})" if miss else f"text of {named}"


def read() -> Summaries:
    file, types = saved.TABLES / FILE, Summary.__annotations__.values()
    try:
        _, *lines = csv.reader(file.read_text(encoding="utf-8").splitlines())
        found = [Summary(*(of(text) for of, text in zip(types, line, strict=True))) for line in lines]
    except FileNotFoundError:
        return {}
    except ValueError:  # of another version, or with the marks of a merge
        raise ValueError(
            f"{file} has other lines than summaries; restore it, or remove it and `reproduce report '*' --publish` "
            f"writes it again"
        ) from None
    return {(line.table, line.scale): line for line in found}


def seeds_of(table: str, scale: str) -> tuple[int, ...]:
    line = read().get((table, scale))
    return tuple(map(int, line.seeds.split())) if line is not None else (0,)


def path() -> Path:
    """File of the index, beside the directory of the committed reports."""
    return saved.TABLES.parent / "README.md"


def update(published: Iterable[Summary]) -> Path:
    """Save the index, with new summaries of some committed reports of tables that exist. Returns its path."""
    lines = read() | {(line.table, line.scale): line for line in published}
    ordered = {(name, scale): lines[name, scale] for name in captions() for scale in SCALES if (name, scale) in lines}
    write_atomically(saved.TABLES / FILE, csv_text(Summary._fields, ordered.values()))
    write_atomically(path(), page(ordered))
    return path()


def stale(checked: Iterable[Summary]) -> bool:
    """Whether the index differs from its summaries, or these from those of some committed reports."""
    lines = read()
    kept = (line for line in checked if report_path(line.table, line.scale).exists())
    if any(lines.get((line.table, line.scale)) != line for line in kept):
        return True
    try:
        return bool(lines) and path().read_text(encoding="utf-8") != page(lines)
    except (OSError, UnicodeDecodeError):
        return True


def page(lines: Summaries) -> str:
    tables = {paper: [name for name in captions() if name.startswith(f"{paper}/")] for paper in papers()}
    named = {table for table, _ in lines}
    shown = {paper: t for paper, t in tables.items() if paper in contents_of_papers() or not named.isdisjoint(t)}
    markup = Markdown(path().parent)
    groups = {f"[{paper}](#{paper})": names for paper, names in shown.items()}
    groups["all"] = [name for names in shown.values() for name in names]
    totals = [[header, str(len(names)), *_counts(names, lines)] for header, names in groups.items()]
    headers = ["paper", "reports", *COUNTS]
    table = markup.table([headers], totals, ["left", *["right"] * (len(headers) - 1)])
    parts = [_paper(paper, names, lines, markup) for paper, names in shown.items()]
    return "\n\n".join([INTRODUCTION, table, LEGEND, *parts]) + "\n"


def _counts(names: Iterable[str], lines: Summaries) -> list[str]:
    """Cells tested at each scale, costs, costs as printed, and claims that printed and own numbers support."""
    at = {scale: [lines[name, scale] for name in names if (name, scale) in lines] for scale in SCALES}
    first = list({line.table: line for scale in reversed(SCALES) for line in at[scale]}.values())
    return [
        *(_of(at[scale], "tested", "tests") + _confirmed(at[scale]) for scale in SCALES),
        _of(first, "filled", "costs"),
        _of(first, "as_printed", "counted"),
        _of(first, "printed_support", "claims"),
        _of(at[PAPER.name], "support", "decidable"),
    ]


def _confirmed(several: list[Summary]) -> str:
    number = sum(line.confirmed for line in several)
    return f", {number} confirmed" if number else ""


def _of(several: list[Summary], part: str, whole: str) -> str:
    """Sums of two counts, as `part/whole`; a dash if there is nothing to count."""
    parts, wholes = (sum(getattr(line, name) for line in several) for name in (part, whole))
    return f"{parts}/{wholes}" if wholes else DASH


def _paper(paper: str, names: list[str], lines: Summaries, markup: Markdown) -> str:
    found, intro = contents_of_papers().get(paper), []
    names = sorted(names, key=natural_order)
    if found is not None:
        intro.append(f"[{found['title']}]({found['url']}).")
    if (readme := paper_file(paper, "README.md")) is not None:
        intro.append(f"What differs from the paper: {markup.file_link(readme)}.")
    if found is not None and found["without_numbers"]:
        without = (name.replace("figure", "Figure ") for name in found["without_numbers"])
        intro.append(f"Without results to reproduce: {', '.join(without)}.")
    rows = [_row(name, lines, markup) for name in names]
    table = markup.table([["name", "caption", *COUNTS]], rows, ["left", "left", *["right"] * len(COUNTS)])
    parts = ["\n".join(intro), table, _misses(names, lines, markup), _pictures(names, markup)]
    return "\n\n".join([f"## {paper}", *filter(None, parts)])


def _row(name: str, lines: Summaries, markup: Markdown) -> list[str]:
    counts = _counts([name], lines)
    for index, scale in enumerate(SCALES):
        if (name, scale) not in lines:
            counts[index] = DASH
        elif scale != PAPER.name:
            counts[index] = markup.link(counts[index], report_path(name, scale))
    return [_named(name, lines, markup), markup.escaped(captions()[name]), *counts]


def _named(name: str, lines: Summaries, markup: Markdown) -> str:
    short = Path(name).name
    return markup.link(short, report_path(name, PAPER.name)) if (name, PAPER.name) in lines else short


def _misses(names: Iterable[str], lines: Summaries, markup: Markdown) -> str:
    found = [(name, lines[name, PAPER.name].largest_miss) for name in names if (name, PAPER.name) in lines]
    items = [f"{_named(name, lines, markup)}: {markup.escaped(miss)}" for name, miss in found if miss]
    return (
        f"Largest difference of each table from the print, `ours (printed)`:\n\n{markup.items(items)}" if items else ""
    )


def _pictures(names: Iterable[str], markup: Markdown) -> str:
    """Committed pictures of tables side by side, of the first scale that has any, each with a link to its report."""
    found = []
    for name in names:
        files = {scale: report_path(name, scale).with_suffix(".png") for scale in SCALES}
        if scale := next((scale for scale, file in files.items() if file.exists()), None):
            title = f"{Path(name).name} at {scale}"
            image = f'<img src="{markup.address(files[scale])}" width="{WIDTH}" alt="{title}" title="{title}">'
            found.append(markup.link(image, report_path(name, scale)))
    return "\n".join(found)
