"""`reproduce report`: prints tables with measured values and saves them beside the runs; --publish commits them.

Committed reports are made of the published results alone. Neither they nor --check depend on the user's runs.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.spec.catalog import Selection, find
from experiments.spec.scales import Scale, find_scale
from experiments.spec.table import Table
from reports.collect import collect
from reports.pages.report import FINISHED, Report
from reports.saved import JudgedReport
from reproduce import options as of_verbs
from reproduce.next_command import say_next
from reproduce.options import DONE, FAILED
from reproduce.selection import note_renamed, published_store, reports_of, store_of
from runner.machine.files import StoreError
from runner.store.store import RunStore


def execute(options: of_verbs.Report) -> int:
    """Print and save reports, publish them, or check that the committed ones are those of the published results."""
    form = "json" if options.json else options.format
    if options.variants:
        from reproduce.variants import report_text, say_next_of, variant_reports  # here: few reports have any

        found = variant_reports(options)
        print_texts([report_text(one, options, form) for one in found], form)
        if form == "md":
            say_next_of(found, options)
        return DONE
    selections, scale = find(options.tables), find_scale(options.scale)
    check_options(options, selections)
    if options.check:
        return check(selections, scale, options.seeds)
    store, texts = store_of(options, compare_scores=True), []
    reports = [JudgedReport(one, store.root / "reports") for one in reports_of(options, store, options.overrides)]
    for report in reports:
        if options.picture is not None:
            save_picture(report.report, options.picture)
        if form == "md" and sys.stdout.isatty():
            from reproduce.terminal_page import terminal_page  # here, as below: most reports go to a file or a pipe

            texts.append(terminal_page(report, options))
        else:
            texts.append(report.rendered(form))
    print_texts(texts, form)
    for one in (one for one in reports if one.report.whole):
        try:
            _print_path("saved as", one.write(with_plot=options.plot))
            if options.plot:
                _print_plot(one.report, one.path.with_suffix(".png"))
        except StoreError as error:  # of a read-only or full disk
            if options.plot:
                raise
            print(f"note: {error}", file=sys.stderr)
    if options.publish:
        publish_all([one.report for one in reports], options, store)
    note_renamed((result.run for one in reports for cell in one.report.cells for result in cell.seeds), store)
    if states := {result.state for one in reports for cell in one.report.cells for result in cell.seeds}:
        say_next("tensorboard" if states <= FINISHED else "run", options)
    return DONE


def print_texts(texts: Sequence[str], form: str) -> None:
    print(f"[{','.join(texts)}]" if len(texts) > 1 and form == "json" else "\n".join(texts), flush=True)


def publish_all(found: Sequence[Report], options: of_verbs.Report, store: RunStore) -> None:
    """Publish the results of reports, their pages, and those of other tables that show the same runs."""
    from reports import index  # here: most reports are not published
    from reports.publication import check_publishable, publish
    from reproduce.known_runs import known_runs
    from reproduce.write_index import renew

    by, scale, known = options.by or "", find_scale(options.scale), known_runs()
    check_publishable(found, store, by)
    for report in found:
        publish(report, store, by)
    runs = {one.run.train_id for report in found for cell in report.cells for one in cell.seeds}
    others = {table for run in runs for table, at in known.get(run, {}).items() if at == scale.name}
    pages = [(of_published(report.table, scale, report.seeds), options.plot) for report in found]
    for table, _ in find(sorted(others - {report.table.name for report in found})):
        if (other := of_published(table, scale, index.seeds_of(table.name, scale.name))).stale():
            pages.append((other, False))
    for one, with_plot in pages:
        _print_path("published as", one.write(with_plot=with_plot))
    _print_path("index:", index.update(index.summary(one) for one, _ in pages))
    renew(report.table for report in found)


def of_published(table: Table, scale: Scale, seeds: tuple[int, ...]) -> JudgedReport:
    return JudgedReport(collect(table, scale, published_store(), seeds=seeds))


def check_options(options: of_verbs.Report, selections: list[Selection]) -> None:
    if options.overrides or options.columns or any(rows is not None for _, rows in selections):
        for flag, chosen in (("--check", options.check), ("--publish", options.publish)):
            if chosen:
                raise ValueError(f"{flag} takes whole tables as committed; name no rows, columns and overrides")
        if options.plot:
            raise ValueError("--plot draws beside saved reports, of whole tables; name no rows, columns and overrides")
    if options.check and (options.picture is not None or options.publish or options.plot):
        raise ValueError("--check writes nothing; leave --picture, --plot and --publish out")
    if options.by and not options.publish:
        raise ValueError("--by names who publishes; add --publish")
    if options.json and options.format not in ("md", "json"):
        raise ValueError(f"--json beside --format {options.format}; name one of them")
    if options.picture is not None and (len(selections) != 1 or selections[0].table.figure is None):
        raise ValueError("--picture writes one figure; name one table with a figure; --plot draws the others")


def save_picture(report: Report, path: Path) -> None:
    """Save the figure of a report, unless there is nothing to draw yet."""
    from reports.figures import figures  # here: most reports have no figure

    drawer = figures.drawer(report)
    if drawer is None:
        raise ValueError(f"{report.table.name} has nothing to draw yet: `reproduce run {report.table.name}` first")
    drawer.save(path)
    _print_path("drawn as", path)


def check(selections: list[Selection], scale: Scale, seeds: tuple[int, ...]) -> int:
    """Compare the committed reports and their index with the published results. Without seeds, each keeps its own."""
    from reports import index  # here: a report that is printed has none

    code, checked = DONE, []
    for table, _ in selections:
        of_table = seeds or index.seeds_of(table.name, scale.name)
        report = of_published(table, scale, of_table)
        checked.append(index.summary(report))
        if report.stale():
            _print_path(
                f"stale, `reproduce report {table.name} --scale {scale.name} --publish` writes it:", report.path
            )
            code = FAILED
    if index.stale(checked):
        _print_path("stale, publishing any of these tables writes it:", index.path())
        code = FAILED
    if code == DONE:
        number = "1 committed report agrees" if len(checked) == 1 else f"{len(checked)} committed reports agree"
        print(f"{number} with the committed results", file=sys.stderr)
    return code


def _print_plot(report: Report, path: Path) -> None:
    name, reason = report.table.name, ""
    if report.table.figure is not None:
        reason = "a figure, so no plot is drawn"
    elif any(row.row.metric is not None for row in report.rows):
        reason = "rows of different quantities, so no plot is drawn"
    elif not path.exists():
        reason = f"no results to plot yet: `reproduce run {name}` first"
    print(f"{name} has {reason}" if reason else f"drawn as {os.path.relpath(path)}", file=sys.stderr)


def _print_path(text: str, path: Path) -> None:
    print(f"{text} {os.path.relpath(path)}", file=sys.stderr)
