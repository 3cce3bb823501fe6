"""`reproduce report`: prints tables with measured values and saves them beside the runs; --publish commits them.

Committed reports are made of the published results alone. Neither they nor --check depend on the user's runs.
"""

import argparse
import os
import re
import sys
from collections import Counter
from pathlib import Path

from experiments.spec.catalog import Selection, find
from experiments.spec.scales import Scale
from experiments.spec.table import Table
from reports import index
from reports.claims.judgement import JudgedClaim
from reports.collect import collect
from reports.figures.figures import save_picture
from reports.figures.row_plots import plot_path
from reports.pages.markdown import report_path
from reports.pages.markdown_markup import without_tags
from reports.pages.render import render, saved_seeds, stale, write
from reports.publish import publish
from reproduce.exit_codes import DONE, FAILED
from reproduce.next_command import next_command, say_next
from reproduce.selection import published_store, scale_of, seeds_of, store_of
from reproduce.terminal import table_text, terminal_width, wrapped

STALE = "stale, `reproduce report --publish` writes it again:"


def execute(options: argparse.Namespace) -> int:
    """Print and save reports, publish them, or check that the committed ones are those of the published results."""
    selections, scale = find(options.tables), scale_of(options)
    is_partial = bool(options.overrides) or any(rows is not None for _, rows in selections)
    for flag, chosen in (("--check", options.check), ("--publish", options.publish)):
        if chosen and is_partial:
            raise ValueError(f"{flag} takes whole tables as committed; name no rows and no overrides")
    if options.check and (options.picture is not None or options.publish or options.plot):
        raise ValueError("--check writes nothing; leave --picture, --plot and --publish out")
    if options.plot and is_partial:
        raise ValueError("--plot draws beside saved reports, of whole tables; name no rows and no overrides")
    if options.json and options.format not in ("md", "json"):
        raise ValueError(f"--json beside --format {options.format}; name one of them")
    if options.picture is not None and (len(selections) != 1 or selections[0].table.figure is None):
        raise ValueError("--picture writes one figure; name one table with a figure, as `reproduce list` shows them")
    if options.check:
        return check(selections, scale, seeds_of(options) if options.seeds else None)
    texts, saved, states = [], [], set[str]()
    store, seeds = store_of(options, compare_scores=True), seeds_of(options)
    root = store.root / "reports"
    for table, rows in selections:
        report = collect(table, scale, store, seeds=seeds, overrides=options.overrides, rows=rows)
        states |= {result.state for row in report.rows for cell in row.cells for result in cell.seeds}
        if options.picture is not None:
            save_picture(report, options.picture)
            _print_path("drawn as", options.picture)
        text = render(report, "json" if options.json else options.format, report_path(table, scale, root))
        if (width := terminal_width()) is not None and options.format == "md" and not options.json:
            text = in_terminal(text, report.claims, next_command("claims", options, [table.name]), width)
        texts.append(text)
        saved += [report] if report.whole else []
    one_json = len(texts) > 1 and (options.json or options.format == "json")
    print(f"[{','.join(texts)}]" if one_json else "\n".join(texts), flush=True)
    committed = []
    for report in saved:
        _print_path("saved as", write(report, root, with_plot=options.plot))
        if options.plot:
            _print_plot(report.table, scale, root)
        if options.publish:
            publish(report, store)
            committed.append(collect(report.table, scale, published_store(), seeds=seeds))
            _print_path("published as", write(committed[-1], with_plot=options.plot))
    if committed:
        _print_path("index:", index.update(committed))
        from reproduce.write_index import renew  # here: it loads what plans

        renew(report.table for report in committed)
    if states:
        say_next("tensorboard" if states <= {"done", "running"} else "run", options)
    return DONE


def in_terminal(text: str, claims: tuple[JudgedClaim, ...], command: str, width: int) -> str:
    """Markdown of a report for a terminal: without tags, with counted verdicts, and in its width.

    Args:
        claims: judged claims of the report.
        command: command that prints them one by one.
    """
    text = without_tags(text)
    if claims:
        printed, ours = (
            ", ".join(f"{number} {verdict}" for verdict, number in Counter(verdicts).most_common())
            for verdicts in zip(*((one.printed, one.verdict) for _, several in claims for one in several), strict=True)
        )
        counts = f"Printed numbers: {printed}. Ours: {ours}. `{command}` names each."
        heading, found, rest = text.partition("## What the paper concludes\n\n")
        text = heading + found + re.sub(r"(\|.*\n)+", lambda _: f"{counts}\n", rest, count=1)
    text = re.sub(r"(?:^\|.*\n)+", lambda table: fitted(table[0], width), text, flags=re.MULTILINE)
    return "\n".join(wrapped(line, width, indent=line_indent(line)) for line in text.split("\n"))


def fitted(table: str, width: int) -> str:
    """Table of a terminal for one in markdown: without rules between columns and addresses of links."""
    texts = [re.sub(r"\[(.*?)\]\(.*?\)", r"\1", line.strip("|")) for line in table.splitlines()]
    headers, rule, *rows = ([cell.strip() for cell in re.split(r"(?<!\\)\|", text)] for text in texts)
    numbers = [index for index, cell in enumerate(rule) if cell.endswith(":") and not cell.startswith(":")]
    num_labels = numbers[0] if numbers else 1  # in the paper's layout, values are aligned to the right
    return f"{table_text(headers, rows, width, numbers=numbers, num_labels=num_labels)}\n"


def line_indent(line: str) -> int:
    """Indent of the continuation of a line of markdown: that of the text of a list item."""
    marker = re.match(r" *- ", line)
    return len(marker[0]) if marker is not None else 0


def check(selections: list[Selection], scale: Scale, seeds: tuple[int, ...] | None) -> int:
    """Compare the committed reports and their index with those of the published results.

    Args:
        seeds: seeds of the reports; None for those that each committed report names.
    """
    code, checked = DONE, []
    for table, _ in selections:
        report = collect(table, scale, published_store(), seeds=seeds or saved_seeds(table, scale) or (0,))
        checked.append(report)
        if stale(report):
            _print_path(STALE, report_path(table, scale))
            code = FAILED
    if index.stale(checked):
        _print_path(STALE, index.path())
        code = FAILED
    if code == DONE:
        number = "1 committed report agrees" if len(checked) == 1 else f"{len(checked)} committed reports agree"
        print(f"{number} with the committed results", file=sys.stderr)
    return code


def _print_plot(table: Table, scale: Scale, root: Path) -> None:
    path = plot_path(table, scale, root)
    if path is None:
        print(f"{table.name} has a figure, so no plot is drawn", file=sys.stderr)
    elif path.exists():
        _print_path("drawn as", path)
    elif any(row.metric is not None for row in table.rows):
        print(f"{table.name} has rows of different quantities, so no plot is drawn", file=sys.stderr)
    else:
        print(f"{table.name} has no results to plot yet: `reproduce run {table.name}` first", file=sys.stderr)


def _print_path(text: str, path: Path) -> None:
    print(f"{text} {os.path.relpath(path)}", file=sys.stderr)
