"""`reproduce attention`: draws the attention of any point of any test video."""

import argparse
from dataclasses import replace

from experiments.runner.attention import attention_maps
from experiments.runner.resources import Resources
from experiments.spec.attention_queries import queried_runs
from experiments.spec.catalog import find
from experiments.spec.figures import AttentionQuery
from reports.attention_strips import Strip, provenance_text
from reports.figures import save_strip
from reproduce.exit_codes import DONE
from reproduce.selection import one_run, scale_of, seeds_of, store_of


def execute(options: argparse.Namespace) -> int:
    """Draw the attention of the query in the table's figure, with the changes in the arguments."""
    (_, run), scale = one_run(options, options.column), scale_of(options)
    queries = queried_runs(find([options.table]), scale, options.overrides, seeds_of(options))
    query = changed(next((query for _, other, query in queries if other == run), AttentionQuery()), options)
    maps = attention_maps(run, store_of(options), Resources.of(options), query)
    save_strip(Strip(options.table, maps), scale, options.out, options.overrides)
    print(f"{options.out}: {provenance_text(maps)}")
    return DONE


def changed(query: AttentionQuery, options: argparse.Namespace) -> AttentionQuery:
    """Query with the changes in the arguments.

    Raises:
        ValueError: for a point that is not in the form X,Y.
    """
    changes = {name: getattr(options, name) for name in ("video", "frame", "block", "head")}
    if options.query is not None:
        try:
            changes["x"], changes["y"] = map(float, options.query.split(","))
        except ValueError:
            raise ValueError(
                f"--query '{options.query}': write it as X,Y, fractions of width and height, e.g. --query 0.4,0.6"
            ) from None
    return replace(query, **{name: value for name, value in changes.items() if value is not None})
