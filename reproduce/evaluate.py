"""`reproduce evaluate`: scores a list of videos with the model of a row."""

import argparse
import json

from experiments.runner.evaluate import evaluate, evaluation_text
from experiments.runner.resources import Resources
from experiments.spec.catalog import find, released_weights
from reproduce.exit_codes import DONE
from reproduce.selection import one_run, store_of


def execute(options: argparse.Namespace) -> int:
    """Score a list of videos and print the scores."""
    column, run = one_run(options, options.column)
    scores = evaluate(
        run,
        store_of(options),
        Resources.of(options),
        options.video_list,
        weights=options.weights,
        untrained=options.untrained,
        released=released_weights(find([options.table])[0].table.paper),
    )
    row = {"row": options.table, "column": column, "scale": options.scale, "overrides": options.overrides}
    result = {**row, "train_id": run.train_id, "eval_id": run.eval_id, "seed": run.seed, **scores}
    print(json.dumps(result, indent=1) if options.json else evaluation_text(result))
    return DONE
