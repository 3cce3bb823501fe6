"""`reproduce tensorboard`: opens TensorBoard on the runs of tables, under the names in the tables."""

import argparse
import os
import sys

from reports.collect import collect
from reports.tensorboard import build_view
from reproduce.exit_codes import DONE
from reproduce.selection import selected, store_of


def execute(options: argparse.Namespace) -> int:
    """Create the log directory and serve it."""
    selections, scale, seeds = selected(options)
    store = store_of(options)
    reports = [
        collect(table, scale, store, seeds=seeds, overrides=options.overrides, rows=rows) for table, rows in selections
    ]
    view = build_view(reports, store)
    print(view, flush=True)
    if options.no_serve:
        return DONE
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(view), "--port", str(options.port)]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # replaces this process, so that ending it ends the server
