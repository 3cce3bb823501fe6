"""`reproduce import-weights`: checks a released checkpoint against a row's model and keeps its weights."""

import argparse
import json

from experiments.runner.import_weights import import_text, import_weights
from experiments.spec.catalog import find, released_weights
from reproduce.exit_codes import DONE
from reproduce.selection import one_run, runs_of_row, store_of


def execute(options: argparse.Namespace) -> int:
    """Import a file; one that the paper's list knows goes to the row that it belongs to alone."""
    released = released_weights(find([options.table])[0].table.paper)
    known = released.find(options.file.stem) if released is not None else None
    column = options.column
    if known is not None:
        owner = runs_of_row(options, known.row)[known.column].train_id
        same = [key for key, run in runs_of_row(options, options.table).items() if run.train_id == owner]
        if not same or column not in (None, *same):
            raise ValueError(
                f"{options.file.name} holds the weights of {known.row} (column {known.column}), which is another run "
                f"than this; import it with --as {known.row}, or rename the file if it holds others"
            )
        column = column or same[0]
    _, run = one_run(options, column)
    record = import_weights(run, store_of(options), options.file, released)
    print(json.dumps(record, indent=1) if options.json else import_text(record))
    return DONE
