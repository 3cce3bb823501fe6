"""`reproduce import-weights`: checks a released checkpoint against the model of a row and saves its weights."""

import json

from msgspec import to_builtins

from experiments.spec.catalog import find, released_weights
from experiments.spec.scales import find_scale
from reproduce.next_command import say_next
from reproduce.one_run import one_run
from reproduce.options import DONE, ImportWeights
from reproduce.selection import store_of
from runner.inference.evaluate import weight_file
from runner.store.jobs import runs_of_row
from runner.weights.released import import_text, import_weights


def execute(options: ImportWeights) -> int:
    """Import a file. A file in the paper's list of released weights can only be imported for its own run."""
    table, rows = find([options.table])[0]
    released = released_weights(table.paper)
    entry = released.find(options.file.stem) if released is not None else None
    place = (find_scale(options.scale), options.overrides, options.seed)
    column, runs = options.column, runs_of_row(options.table, *place)
    if entry is not None:
        train_id = runs_of_row(entry.row, *place)[entry.column].train_id
        columns = [key for key, run in runs.items() if run.train_id == train_id]
        if not columns or column not in (None, *columns):
            raise ValueError(
                f"{options.file.name} holds the weights of {entry.row} (column {entry.column}), which is another run "
                f"than this; import it with --as {entry.row}, or rename the file if it holds others"
            )
        column = column or columns[0]
    column, run = one_run(options, column)
    cell, file = f"{table.name}:{rows[0] if rows else ''}.{column}", weight_file(options.file)
    record = import_weights(run, store_of(options), file, released, cell=cell, replace=options.replace)
    print(json.dumps(to_builtins(record), indent=1) if options.json else import_text(record))
    several = len({run.train_id for run in runs.values()}) > 1
    say_next("run", options, [options.table], [*(["--column", column] if several else []), "--eval-only"])
    return DONE
