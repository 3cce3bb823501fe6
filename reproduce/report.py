"""`reproduce report`: prints and saves tables with measured values, or checks the saved ones."""

import argparse
import os
import sys

from experiments.spec.catalog import find
from reports.collect import collect, publish
from reports.figures import save_picture
from reports.render import render, report_path, saved_seeds, stale, write
from reproduce.exit_codes import DONE, FAILED
from reproduce.selection import scale_of, seeds_of, store_of


def execute(options: argparse.Namespace) -> int:
    """Print and save reports, or check that the saved reports equal those of the current results."""
    selections, scale = find(options.tables), scale_of(options)
    store = store_of(options, compare_scores=options.check)
    if options.check and (options.overrides or any(rows is not None for _, rows in selections)):
        raise ValueError("--check compares whole tables with the saved reports; name no rows and no overrides")
    if options.check and options.picture is not None:
        raise ValueError("--check writes nothing; leave --picture out")
    if options.picture is not None and (len(selections) != 1 or selections[0].table.figure is None):
        raise ValueError("--picture writes one figure; name one table with a figure, as `reproduce list` shows them")
    outdated, texts, whole_reports = [], [], []
    for table, rows in selections:
        seeds = seeds_of(options) if options.seeds else (saved_seeds(table, scale) if options.check else None) or (0,)
        report = collect(table, scale, store, seeds=seeds, overrides=options.overrides, rows=rows)
        if options.check:
            outdated += [report_path(table, scale)] if stale(report) else []
            continue
        if options.picture is not None:
            save_picture(report, options.picture)
        texts.append(render(report, "json" if options.json else options.format))
        whole_reports += [report] if report.whole else []
    if not options.check:
        one_json = len(texts) > 1 and (options.json or options.format == "json")
        print(f"[{','.join(texts)}]" if one_json else "\n".join(texts), flush=True)
    for report in whole_reports:
        publish(report, store)
        print(f"saved as {os.path.relpath(write(report))}", file=sys.stderr)
    for path in outdated:
        print(f"{os.path.relpath(path)} is stale: run `reproduce report` to write it again", file=sys.stderr)
    return FAILED if outdated else DONE
