"""What each verb of the command line does. Every function takes the parsed options and returns the exit code.

Imports happen inside the verbs, so that those which need no model answer at once.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.catalog import CAPTIONS, Selection, find, names_matching
from experiments.options import child_arguments

if TYPE_CHECKING:
    from experiments.launch import Job
    from experiments.run import RunConfig
    from experiments.scales import Scale
    from experiments.store import RunStore

DONE, FAILED, UNUSABLE = 0, 1, 3
REPORTS = Path(__file__).resolve().parent.parent / "reports"


def list_tables(options: argparse.Namespace) -> int:
    """Print the names and captions of all tables, or of those that match."""
    names = [name for pattern in options.tables for name in names_matching(pattern)]
    if options.json:
        print(json.dumps([{"name": name, "caption": CAPTIONS[name]} for name in names], indent=1))
    else:
        width = max(map(len, names))
        print("\n".join(f"{name:<{width}}  {CAPTIONS[name]}" for name in names))
    return DONE


def show(options: argparse.Namespace) -> int:
    """Print tables as the paper prints them, and what sets each row apart."""
    from experiments.listing import show_json, show_text

    selections, scale, seeds = _chosen(options)
    if options.json:
        print(json.dumps([show_json(s, scale, options.overrides, seeds) for s in selections], indent=1))
    else:
        print("\n\n".join(show_text(s, scale, options.overrides, seeds) for s in selections))
    return DONE


def plan(options: argparse.Namespace) -> int:
    """Print the distinct runs, what is done, and what the rest will cost."""
    from experiments.listing import plan_json, plan_text
    from experiments.resources import Resources

    jobs, store, resources = _jobs(options), _store(options), Resources.of(options)
    resources.check_names(job.run for job in jobs)
    if options.json:
        print(json.dumps(plan_json(jobs, store, resources, eval_only=options.eval_only), indent=1))
    else:
        print(plan_text(jobs, store, resources, eval_only=options.eval_only))
    return DONE


def run(options: argparse.Namespace) -> int:
    """Train and test what has no result yet, and make the attention maps that are drawn; a second call does nothing."""
    from experiments.drawing import queried_runs
    from experiments.launch import Launcher, default_parallel
    from experiments.resources import Resources

    if options.jobs is not None and options.jobs < 1:
        raise ValueError(f"--jobs {options.jobs}: it must be 1 or more")
    jobs, store, resources = _jobs(options), _store(options), Resources.of(options)
    resources.check_names(job.run for job in jobs)
    shown = {job.run.train_id for job in jobs if not job.only_starts_others}
    store.check_writable()
    pending = [job for job in jobs if not job.finished(store, options.eval_only)]
    resources.check([job.run for job in pending], eval_only=options.eval_only)
    parallel = options.jobs or default_parallel(resources, _scale_of(options))
    launcher = Launcher(
        store,
        child_arguments(options),
        min(parallel, max(1, len(pending))),
        # One thread a small run, however many cores there are: the number of threads changes the last bits of a sum.
        resources.threads or (1 if _scale_of(options).small else None),
        eval_only=options.eval_only,
    )
    launcher.carry_out(jobs)
    failed = [job for job in jobs if job.outcome != "done"]
    print(f"{len(jobs) - len(failed)} of {len(jobs)} runs done, {len(jobs) - len(pending)} of them before this call.")
    for job in failed:
        print(f"reproduce: {job.name} {job.outcome}: {job.reason}", file=sys.stderr)
    drawn = queried_runs(find(options.tables), _scale_of(options), options.overrides, _seeds(options))
    queried = [query for query in drawn if query.run.train_id in shown]
    unmade = []
    if queried:
        from experiments.attend import keep_all_maps  # imports the models

        unmade = keep_all_maps(queried, store, resources)
    codes = {*(job.exit_code for job in failed), *(FAILED if type(e) is ValueError else UNUSABLE for e in unmade)}
    return UNUSABLE if len(failed) == len(pending) and codes == {UNUSABLE} else FAILED if codes else DONE


def status(options: argparse.Namespace) -> int:
    """Print the state of each run."""
    from experiments.listing import status_json, status_text

    jobs, store = _jobs(options), _store(options)
    print(json.dumps(status_json(jobs, store), indent=1) if options.json else status_text(jobs, store))
    return DONE


def report(options: argparse.Namespace) -> int:
    """Print tables with measured values and keep them, or check that the kept ones are what the results give."""
    from reports.collect import collect, publish
    from reports.figures import save_picture
    from reports.render import kept_seeds, render, report_path, stale, write

    selections, scale, store = find(options.tables), _scale_of(options), _store(options)
    if options.check and (options.overrides or any(rows is not None for _, rows in selections)):
        raise ValueError("--check compares whole tables with what is kept; name no rows and no overrides")
    if options.check and options.picture is not None:
        raise ValueError("--check writes nothing; leave --picture out")
    if options.picture is not None and (len(selections) != 1 or selections[0].table.drawing is None):
        raise ValueError("--picture writes one figure; name one, e.g. motionformer/figure3")
    outdated, texts, kept = [], [], []
    for table, rows in selections:
        seeds = _seeds(options) if options.seeds else (kept_seeds(table, scale) if options.check else None) or (0,)
        made = collect(table, scale, store, seeds=seeds, overrides=options.overrides, rows=rows)
        if options.check:
            outdated += [report_path(table, scale)] if stale(made) else []
            continue
        if options.picture is not None:
            save_picture(made, options.picture)
        texts.append(render(made, "json" if options.json else options.format))
        kept += [made] if made.whole else []
    if not options.check:
        one_json = len(texts) > 1 and (options.json or options.format == "json")
        print(f"[{','.join(texts)}]" if one_json else "\n".join(texts), flush=True)
    for made in kept:
        publish(made, store)
        print(f"kept as {os.path.relpath(write(made))}", file=sys.stderr)
    for path in outdated:
        print(f"{os.path.relpath(path)} is stale: run `reproduce report` to write it again", file=sys.stderr)
    return FAILED if outdated else DONE


def measure(options: argparse.Namespace) -> int:
    """Measure what a table's memory column shows, and keep it beside the runs."""
    from experiments.memory import TooLargeError, batch_as_printed, peak_memory
    from experiments.store import write_atomically

    if options.batch is not None and options.batch < 1:
        raise ValueError(f"--batch {options.batch}: it must be 1 or more")
    store, selections = _store(options), find(options.tables)
    cells = [cell for table, rows in selections for cell in table.cells(rows=rows)]
    runs = {cell.paper_run.train_id: cell for cell in cells if cell.paper_run and cell.measures("memory")}
    if not runs:
        raise ValueError(f"{' '.join(options.tables)}: no column shows memory")
    batch = options.batch or batch_as_printed(cell for table, _ in selections for cell in table.cells())
    code = DONE
    for train_id, cell in runs.items():
        assert cell.paper_run is not None
        try:
            record = peak_memory(cell.paper_run, batch)
        except TooLargeError as error:
            print(f"{cell.row.key}: {error}", file=sys.stderr)
            code = UNUSABLE
            continue
        write_atomically(store.run(train_id).memory, json.dumps(record, indent=1) + "\n")
        print(f"{cell.row.key}: {record['peak_gib']:.2f} GiB with {batch} clips, printed {cell.printed}")
    return code


def tensorboard(options: argparse.Namespace) -> int:
    """Open TensorBoard on the rows of a table, each a run named as in the table."""
    from reports.collect import collect
    from reports.tensorboard import build_view

    selections, scale, seeds = _chosen(options)
    store = _store(options)
    views = []
    for table, rows in selections:
        made = collect(table, scale, store, seeds=seeds, overrides=options.overrides, rows=rows)
        views.append(build_view(made, store))
    print("\n".join(map(str, views)), flush=True)
    if options.no_serve:
        return DONE
    names = [f"{selection.table.name}:{view}" for selection, view in zip(selections, views, strict=True)]
    where = ["--logdir", str(views[0])] if len(views) == 1 else ["--logdir_spec", ",".join(names)]
    command = [sys.executable, "-m", "tensorboard.main", *where, "--port", str(options.port)]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # this very process: whoever ends it ends the server


def _one_run(options: argparse.Namespace, column: str | None) -> "tuple[str, RunConfig]":
    """The one row that the command line names, under a column or the first that is trained: the column and its run."""
    runs = _runs_of_row(options, options.table)
    column = column or next(iter(runs), None)
    if column is None or column not in runs:
        under = f"no run under column '{column}'; it has {', '.join(runs)}" if runs else "no run: no column is trained"
        raise ValueError(f"'{options.table}' has {under}")
    return column, runs[column]


def _runs_of_row(options: argparse.Namespace, row: str) -> "dict[str, RunConfig]":
    """The runs of one row by column, as the command line changes them."""
    selections, seeds = find([row]), _seeds(options)
    table, rows = selections[0]
    if len(selections) != 1 or rows is None or len(rows) != 1:
        raise ValueError(f"'{row}' is not one row; name it as paper/table:row")
    if table.find_row(rows[0]).quoted:
        raise ValueError(f"'{row}' is quoted from another paper: it has no run")
    if len(seeds) != 1:
        raise ValueError(f"--seeds {options.seeds}: {options.verb_name} takes one run, so name one seed")
    cells = table.cells(_scale_of(options), rows=rows, overrides=options.overrides, seeds=seeds)
    return {cell.column.key: cell.runs[0] for cell in cells if cell.trained}


def import_weights(options: argparse.Namespace) -> int:
    """Check a released file against a row's model and keep it for `run --eval-only`."""
    from experiments.released import RELEASED, describe
    from experiments.released import import_weights as take_in

    known = next((released for released in RELEASED if released.name == options.file.stem), None)
    column = options.column
    if known is not None:
        whose = _runs_of_row(options, known.row)[known.column].train_id
        same = [key for key, run in _runs_of_row(options, options.table).items() if run.train_id == whose]
        if not same or column not in (None, *same):
            raise ValueError(
                f"{options.file.name} holds the weights of {known.row} (column {known.column}), which is another run "
                f"than this; take it in with --as {known.row}, or rename the file if it holds others"
            )
        column = column or same[0]
    _, run = _one_run(options, column)
    record = take_in(run, _store(options), options.file)
    print(json.dumps(record, indent=1) if options.json else describe(record))
    return DONE


def attention(options: argparse.Namespace) -> int:
    """Draw what a point of any test video attends to: the point that the table draws, but for what is named."""
    from experiments.attend import attention_maps
    from experiments.attention_maps import AttentionQuery
    from experiments.drawing import queried_runs
    from experiments.resources import Resources
    from reports.attention_strips import Strip, provenance_text
    from reports.figures import save_strip

    (_, chosen), scale = _one_run(options, options.column), _scale_of(options)
    drawn = queried_runs(find([options.table]), scale, options.overrides, _seeds(options))
    query = next((query for _, run, query in drawn if run == chosen), AttentionQuery()).changed(options)
    maps = attention_maps(chosen, _store(options), Resources.of(options), query)
    save_strip(Strip(options.table, maps), scale, options.out, options.overrides)
    print(f"{options.out}: {provenance_text(maps)}")
    return DONE


def evaluate(options: argparse.Namespace) -> int:
    """Score a list of real videos with a row's model."""
    from experiments.evaluate import evaluate as score
    from experiments.evaluate import evaluation_text
    from experiments.resources import Resources

    column, chosen = _one_run(options, options.column)
    scores = score(
        chosen,
        _store(options),
        Resources.of(options),
        options.video_list,
        weights=options.weights,
        untrained=options.untrained,
    )
    row = {"row": options.table, "column": column, "scale": options.scale, "overrides": options.overrides}
    result = {**row, "train_id": chosen.train_id, "eval_id": chosen.eval_id, "seed": chosen.seed, **scores}
    print(json.dumps(result, indent=1) if options.json else evaluation_text(result))
    return DONE


def _seeds(options: argparse.Namespace) -> tuple[int, ...]:
    try:
        seeds = tuple(int(word) for word in (options.seeds or "0").split(","))
    except ValueError:
        raise ValueError(f"--seeds '{options.seeds}': write whole numbers with commas, e.g. --seeds 0,1,2") from None
    if min(seeds) < 0:
        raise ValueError(f"--seeds '{options.seeds}': seeds are 0 or more")
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"--seeds '{options.seeds}' names a seed twice")
    return seeds


def _store(options: argparse.Namespace) -> "RunStore":
    from experiments.store import RunStore

    return RunStore(options.runs, results=REPORTS / "results")


def _scale_of(options: argparse.Namespace) -> "Scale":
    from experiments.scales import find_scale

    return find_scale(options.scale)


def _chosen(options: argparse.Namespace) -> "tuple[list[Selection], Scale, tuple[int, ...]]":
    return find(options.tables), _scale_of(options), _seeds(options)


def _jobs(options: argparse.Namespace) -> "list[Job]":
    from experiments.columns import jobs_under
    from experiments.launch import jobs_of

    selections, scale, seeds = _chosen(options)
    jobs = jobs_of(selections, scale, options.overrides, seeds)
    if options.columns is not None:
        jobs = jobs_under(jobs, options.columns.split(","))
    return [job for job in jobs if not (options.eval_only and job.only_starts_others)]
