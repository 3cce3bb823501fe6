"""Index of the committed reports: every table and figure of the papers, and how many of its cells have a value.

Counts and seeds of each report stand in `tables/summary.csv`, from which the page is made.
"""

import csv
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

from experiments.spec.catalog import captions, contents_of_papers, natural_order, paper_readme, papers
from experiments.spec.metrics import Computed
from experiments.spec.number_formats import value_text
from experiments.spec.scales import PAPER, SCALES
from experiments.spec.table import Value
from reports import saved
from reports.claims.judgement import JudgedClaim
from reports.pages.frame import csv_text
from reports.pages.markup import Markdown
from reports.pages.report import Report, ReportCell
from reports.pages.table_texts import DASH, cell_name, cell_text
from runner.machine.files import write_atomically

FILE = "summary.csv"
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


class Summary(NamedTuple):
    """Counts of a report.

    Args:
        seeds: its seeds, with blanks between them.
        tests: cells of rows that are not quoted whose values come from tests; `tested`: those with a value.
        costs: their other cells, computed from the config or measured; `filled`: those with a value.
        counted: cells computed from a config that the paper prints; `as_printed`: those as it prints them.
        largest_miss: largest difference of a counted number from the printed one in percent; empty if none differs.
        missed: cell with the largest miss or, without one, a text that differs from the printed one.
        claims: claims of the table; `printed_support`, `support`, `contradicted`: claims that the printed numbers and
            ours support, and that ours do not support; `never`: claims that no run can ever decide.
    """

    table: str
    scale: str
    seeds: str
    tests: int
    tested: int
    costs: int
    filled: int
    counted: int
    as_printed: int
    largest_miss: str
    missed: str
    claims: int
    printed_support: int
    support: int
    contradicted: int
    never: int

    @property
    def decidable(self) -> int:
        """Claims of the table that a run can decide."""
        return self.claims - self.never


Summaries = dict[tuple[str, str], Summary]  # by table and scale


def summary(report: Report, claims: Iterable[JudgedClaim]) -> Summary:
    """Summary of a report."""
    found: dict[bool, list[ReportCell]] = {True: [], False: []}
    for row in (row for row in report.rows if not row.row.quoted):
        for cell, column in zip(row.cells, report.table.columns, strict=True):
            if cell.state != "not applicable":
                found[report.table.rests_on_test(row.row.metric_of(column))].append(cell)
    tests, costs = found[True], found[False]
    counts = list(_counted(report))
    name, is_as_printed, miss = max(counts, key=lambda count: (count[2], not count[1]), default=("", True, 0.0))
    claims = list(claims)
    verdicts = [_verdict(judged) for judged in claims]
    return Summary(
        table=report.table.name,
        scale=report.scale.name,
        seeds=" ".join(map(str, report.seeds)),
        tests=len(tests),
        tested=sum(cell.value is not None for cell in tests),
        costs=len(costs),
        filled=sum(cell.value is not None for cell in costs),
        counted=len(counts),
        as_printed=sum(is_as_printed for _, is_as_printed, _ in counts),
        largest_miss=f"{float(f'{miss:.2g}'):g}" if miss else "",
        missed="" if is_as_printed else name,
        claims=len(claims),
        printed_support=sum(all(j.printed == "supported" for j in judged.judgements) for judged in claims),
        support=verdicts.count("supported"),
        contradicted=verdicts.count("not supported"),
        never=verdicts.count("never"),
    )


def _counted(report: Report) -> Iterator[tuple[str, bool, float]]:
    """Cells computed from a config at the paper's size, for which the paper prints a value of the same kind.

    Each with its name, whether it shows the printed value, and the difference from a printed number in percent, after
    rounding as printed.
    """
    for row in report.rows:
        for cell, column in zip(row.cells, report.table.columns, strict=True):
            is_counted = isinstance(row.row.metric_of(column), Computed) and cell.state == "measured"
            if is_counted and cell.printed is not None and _is_number(cell.value) == _is_number(cell.printed):
                form = cell.form or column.form
                ours, printed = value_text(cell.value, form), value_text(cell.printed, form)
                name = f"{cell_name(report.table, row.row, column)}: {cell_text(cell)}"
                yield name, ours == printed, _miss(float(ours), cell.printed) if _is_number(cell.value) else 0.0


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _miss(ours: float, printed: Value) -> float:
    """Difference from a printed number, in percent of it."""
    assert isinstance(printed, int | float)
    return 100 * abs(ours - printed) / abs(printed) if printed else 100.0 * (ours != printed)


def _verdict(judged: JudgedClaim) -> str:
    """Verdict on a claim: not supported if a comparison is not, never if one can never be, supported if all are."""
    verdicts = {judgement.verdict for judgement in judged.judgements}
    if "not supported" in verdicts:
        return "not supported"
    if "never" in verdicts:
        return "never"
    return "supported" if verdicts == {"supported"} else "undecided"


def read() -> Summaries:
    """Saved summaries; empty without a file.

    Raises:
        ValueError: if the file is not one of summaries.
    """
    try:
        lines = list(csv.reader((saved.TABLES / FILE).read_text(encoding="utf-8").splitlines()))
    except FileNotFoundError:
        return {}
    if not lines or lines[0] != list(Summary._fields):
        raise ValueError(
            f"{saved.TABLES / FILE} has no summaries; remove it, and `reproduce report '*' --publish` writes it again"
        )
    types = Summary.__annotations__.values()
    found = (Summary(*(of(text) for of, text in zip(types, line, strict=True))) for line in lines[1:])
    return {(line.table, line.scale): line for line in found}


def seeds_of(table: str, scale: str) -> tuple[int, ...]:
    """Seeds of the committed report of a table; (0,) if there is none."""
    line = read().get((table, scale))
    return tuple(map(int, line.seeds.split())) if line is not None else (0,)


def path() -> Path:
    """File of the index, beside the directory of the committed reports."""
    return saved.TABLES.parent / "README.md"


def update(published: Iterable[Summary]) -> Path:
    """Save the index, with new summaries of some committed reports of tables that exist. Returns its path.

    Raises:
        StoreError: if a file cannot be written.
        ValueError: if the saved summaries cannot be read.
    """
    lines = read() | {(line.table, line.scale): line for line in published}
    ordered = {(name, scale): lines[name, scale] for name in captions() for scale in SCALES if (name, scale) in lines}
    write_atomically(saved.TABLES / FILE, csv_text(Summary._fields, ordered.values()))
    write_atomically(path(), page(ordered))
    return path()


def stale(checked: Iterable[Summary]) -> bool:
    """Whether the index differs from its summaries, or these from those of some committed reports.

    Raises:
        ValueError: if the saved summaries cannot be read.
    """
    lines = read()
    if any(lines.get((line.table, line.scale)) != line for line in checked if _report(line.table, line.scale).exists()):
        return True
    try:
        return bool(lines) and path().read_text(encoding="utf-8") != page(lines)
    except (OSError, UnicodeDecodeError):
        return True


def _report(table: str, scale: str) -> Path:
    return saved.TABLES / f"{table}.{scale}.md"


def page(lines: Summaries) -> str:
    """Index as markdown, ending in a newline."""
    shown = [paper for paper in papers() if paper in contents_of_papers() or any(t in _tables(paper) for t, _ in lines)]
    markup = Markdown(path().parent)
    return "\n\n".join([INTRODUCTION, _totals(shown, lines), *(_paper(paper, lines, markup) for paper in shown)]) + "\n"


def _tables(paper: str) -> list[str]:
    return [name for name in captions() if name.startswith(f"{paper}/")]


def _totals(shown: list[str], lines: Summaries) -> str:
    """Sums over the tables of each paper, and of all."""
    tables = {f"[{paper}](#{paper})": _tables(paper) for paper in shown}
    tables["all"] = [name for names in tables.values() for name in names]
    rows = [
        [header, str(len(names)), *_tested(names, lines), *_counts(names, lines)] for header, names in tables.items()
    ]
    headers = ["paper", "tables and figures", *TESTED, *COSTS, *CLAIMS]
    return Markdown(path().parent).table([headers], rows, ["left", *["right"] * (len(headers) - 1)])


def _at(names: Iterable[str], scale: str, lines: Summaries) -> list[Summary]:
    return [lines[name, scale] for name in names if (name, scale) in lines]


def _of_any_scale(names: Iterable[str], lines: Summaries) -> list[Summary]:
    """Summary of each table at the first scale that has one."""
    found = ([lines[name, scale] for scale in SCALES if (name, scale) in lines] for name in names)
    return [of_table[0] for of_table in found if of_table]


def _tested(names: Iterable[str], lines: Summaries) -> list[str]:
    return [_of(_at(names, scale, lines), "tested", "tests") for scale in SCALES]


def _counts(names: Iterable[str], lines: Summaries) -> list[str]:
    """Costs, costs as printed, and claims that printed and own numbers support."""
    any_scale = _of_any_scale(names, lines)
    return [
        _of(any_scale, "filled", "costs"),
        _of(any_scale, "as_printed", "counted"),
        _of(any_scale, "printed_support", "claims"),
        _of(_at(names, PAPER.name, lines), "support", "decidable"),
    ]


def _of(several: list[Summary], part: str, whole: str) -> str:
    """Sums of two counts, as `part/whole`; a dash if there is nothing to count."""
    parts, wholes = (sum(getattr(line, name) for line in several) for name in (part, whole))
    return f"{parts}/{wholes}" if wholes else DASH


def _paper(paper: str, lines: Summaries, markup: Markdown) -> str:
    """Tables and pictures of a paper."""
    found, here = contents_of_papers().get(paper), _tables(paper)
    intro = []
    if found is not None:
        intro.append(f"[{found['title']}]({found['url']}).")
    if (readme := paper_readme(paper)) is not None:
        intro.append(f"What differs from the paper: {markup.file_link(readme)}.")
    if found is not None and found["without_numbers"]:
        names = (name.replace("figure", "Figure ") for name in found["without_numbers"])
        intro.append(f"Without results to reproduce: {', '.join(names)}.")
    headers = ["name", "caption", *TESTED, *COSTS, "largest miss", *CLAIMS]
    rows = [_row(name, lines, markup) for name in sorted(here, key=natural_order)]
    align = ["left", "left", *["right"] * len(TESTED + COSTS), "left", *["right"] * len(CLAIMS)]
    table = markup.table([headers], rows, align)
    return "\n\n".join(filter(None, [f"## {paper}", " ".join(intro), table, _pictures(here, markup)]))


def _row(name: str, lines: Summaries, markup: Markdown) -> list[str]:
    """Line of a table, with links to its reports."""
    cells = [
        markup.link(text, _report(name, scale)) if (name, scale) in lines else DASH
        for scale, text in zip(SCALES, _tested([name], lines), strict=True)
    ]
    costs, as_printed, *claims = _counts([name], lines)
    miss = _miss_text(_of_any_scale([name], lines), markup)
    return [name.partition("/")[2], markup.escaped(captions()[name]), *cells, costs, as_printed, miss, *claims]


def _miss_text(several: list[Summary], markup: Markdown) -> str:
    """Largest miss with its cell; a dash if nothing is counted."""
    if not several or not several[0].counted:
        return DASH
    missed = markup.escaped(several[0].missed)
    if several[0].largest_miss:
        return f"{several[0].largest_miss} % ({missed})"
    return f"text of {missed}" if missed else "0"


def _pictures(names: Iterable[str], markup: Markdown) -> str:
    """Committed pictures of tables, of the first scale that has any, each with a link to its report."""
    cells = []
    for name in names:
        files = {scale: _report(name, scale).with_suffix(".png") for scale in SCALES}
        drawn = [_picture(name, scale, file, markup) for scale, file in files.items() if file.exists()]
        cells += drawn[:1]
    rows = [cells[start : start + PER_LINE] for start in range(0, len(cells), PER_LINE)]
    lines = [[""] * PER_LINE, ["---"] * PER_LINE, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""  # unpadded: its cells are long


def _picture(name: str, scale: str, file: Path, markup: Markdown) -> str:
    """Picture with its name, and a link to its report."""
    caption = escape(captions()[name])
    image = f'<img src="{markup.address(file)}" width="{WIDTH}" alt="{caption}">'
    return f'<a href="{markup.address(_report(name, scale))}">{image}</a><br>{Path(name).name} at `{scale}`'
