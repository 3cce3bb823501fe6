"""`reproduce attention`: draws the attention of any point of any test video, or of a video of a list."""

from dataclasses import replace

from experiments.spec.catalog import find
from experiments.spec.figure_runs import selected_runs
from experiments.spec.figures import AttentionQuery
from experiments.spec.run import RunConfig
from experiments.spec.scales import find_scale
from reports.figures.strips import provenance_text, save_strips
from reproduce.one_run import check_weights, chosen_videos, one_run
from reproduce.options import DONE, Attention
from reproduce.selection import resources_of, store_of
from runner.inference.pictures import attention_maps


def execute(options: Attention) -> int:
    """Draw the attention of the query in the table's figure, with the changes in the arguments."""
    column, run = one_run(options, options.column)
    store, resources = store_of(options), resources_of(options)
    check_weights(options, column, run, store)
    videos = chosen_videos(options)
    query = changed(figure_query(options, run), options)
    names = options.attention or (query.attention,)
    found = [attention_maps(run, store, resources, replace(query, attention=name), videos) for name in names]
    save_strips(options.table, found, find_scale(options.scale), options.out, options.overrides)
    for maps in found:
        print(f"{options.out}: {provenance_text(maps)}")
    return DONE


def figure_query(options: Attention, run: RunConfig) -> AttentionQuery:
    """Query of a run in the table's figure; the default for other runs, and for other videos."""
    if chosen_videos(options) is not None:
        return AttentionQuery()
    shown = selected_runs(find([options.table]), find_scale(options.scale), options.overrides, options.all_seeds)
    queries = (one.shown for one in shown if one.run == run and isinstance(one.shown, AttentionQuery))
    return next(queries, AttentionQuery())


def changed(query: AttentionQuery, options: Attention) -> AttentionQuery:
    """Query with the changes in the options, except the attention."""
    x, y = options.query or (None, None)
    changes = {"x": x, "y": y, **{name: getattr(options, name) for name in ("video", "frame", "block", "head")}}
    return replace(query, **{name: value for name, value in changes.items() if value is not None})
