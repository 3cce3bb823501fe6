"""`reproduce tensorboard`: opens TensorBoard on the runs of tables, under the names in the tables."""

import argparse
import os
import sys

from reports.collect import collect
from reports.tensorboard import build_view
from reproduce.exit_codes import DONE
from reproduce.selection import selected, store_of


def execute(options: argparse.Namespace) -> int:
    """Create the log directories and serve them."""
    selections, scale, seeds = selected(options)
    store = store_of(options)
    views = []
    for table, rows in selections:
        report = collect(table, scale, store, seeds=seeds, overrides=options.overrides, rows=rows)
        views.append(build_view(report, store))
    print("\n".join(map(str, views)), flush=True)
    if options.no_serve:
        return DONE
    names = [f"{selection.table.name}:{view}" for selection, view in zip(selections, views, strict=True)]
    logdir = ["--logdir", str(views[0])] if len(views) == 1 else ["--logdir_spec", ",".join(names)]
    command = [sys.executable, "-m", "tensorboard.main", *logdir, "--port", str(options.port)]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # replaces this process, so that ending it ends the server
