"""`reproduce attention`: draws the attention of any point of any test video, or of a video of a list."""

import argparse
from dataclasses import replace

from experiments.spec.attention_queries import queried_runs
from experiments.spec.catalog import find
from experiments.spec.figures import AttentionQuery
from experiments.spec.run import RunConfig
from reports.figures.strips import Strip, provenance_text, save_strips
from reproduce.exit_codes import DONE
from reproduce.selection import check_weights, one_run, resources_of, scale_of, seeds_of, store_of
from runner.inference.attention import attention_maps


def execute(options: argparse.Namespace) -> int:
    """Draw the attention of the query in the table's figure, with the changes in the arguments."""
    column, run = one_run(options, options.column)
    store, resources = store_of(options), resources_of(options)
    check_weights(options, column, run, store)
    query = changed(figure_query(options, run), options)
    names = (query.attention,) if options.attention is None else options.attention.split(",")
    strips = [
        Strip(
            options.table,
            attention_maps(run, store, resources, replace(query, attention=name), options.video_list),
        )
        for name in names
    ]
    save_strips(strips, scale_of(options), options.out, options.overrides)
    for strip in strips:
        print(f"{options.out}: {provenance_text(strip.maps)}")
    return DONE


def figure_query(options: argparse.Namespace, run: RunConfig) -> AttentionQuery:
    """Query of a run in the table's figure; the default for other runs, and for a list, which has other videos."""
    if options.video_list is not None:
        return AttentionQuery()
    queries = queried_runs(find([options.table]), scale_of(options), options.overrides, seeds_of(options))
    return next((query for _, other, query in queries if other == run), AttentionQuery())


def changed(query: AttentionQuery, options: argparse.Namespace) -> AttentionQuery:
    """Query with the changes in the arguments, except the attention.

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
