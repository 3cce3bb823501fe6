"""The tables, runs and jobs that parsed arguments name. Models are imported when a function needs them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.spec.catalog import Selection, find

if TYPE_CHECKING:
    from experiments.runner.jobs import Job
    from experiments.runner.store import RunStore
    from experiments.spec.run import RunConfig
    from experiments.spec.scales import Scale

RESULTS = Path(__file__).resolve().parent.parent / "reports" / "results"


def seeds_of(options: argparse.Namespace) -> tuple[int, ...]:
    """The seeds that --seeds names, or 0.

    Raises:
        ValueError: for text that is no list of distinct seeds.
    """
    try:
        seeds = tuple(int(word) for word in (options.seeds or "0").split(","))
    except ValueError:
        raise ValueError(f"--seeds '{options.seeds}': write whole numbers with commas, e.g. --seeds 0,1,2") from None
    if min(seeds) < 0:
        raise ValueError(f"--seeds '{options.seeds}': seeds are 0 or more")
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"--seeds '{options.seeds}' names a seed twice")
    return seeds


def store_of(options: argparse.Namespace) -> "RunStore":
    """The run store, with the published results behind it."""
    from experiments.runner.store import RunStore

    return RunStore(options.runs, results=RESULTS)


def scale_of(options: argparse.Namespace) -> "Scale":
    """The scale."""
    from experiments.spec.scales import find_scale

    return find_scale(options.scale)


def selected(options: argparse.Namespace) -> "tuple[list[Selection], Scale, tuple[int, ...]]":
    """Tables, scale and seeds."""
    return find(options.tables), scale_of(options), seeds_of(options)


def jobs(options: argparse.Namespace) -> "list[Job]":
    """The jobs of the named tables, under the named columns."""
    from experiments.runner.jobs import jobs_of, jobs_under

    selections, scale, seeds = selected(options)
    found = jobs_of(selections, scale, options.overrides, seeds)
    if options.columns is not None:
        found = jobs_under(found, options.columns.split(","))
    return [job for job in found if not (options.eval_only and job.is_prerequisite)]


def one_run(options: argparse.Namespace, column: str | None) -> "tuple[str, RunConfig]":
    """The run of the one row that is named, under a column or the first that is tested; with the column's key.

    Raises:
        ValueError: when there is none.
    """
    runs = runs_of_row(options, options.table)
    column = column or next(iter(runs), None)
    if column is None or column not in runs:
        under = f"no run under column '{column}'; it has {', '.join(runs)}" if runs else "no run: no column is tested"
        raise ValueError(f"'{options.table}' has {under}")
    return column, runs[column]


def runs_of_row(options: argparse.Namespace, row: str) -> "dict[str, RunConfig]":
    """The runs of one row by column, with the command line's overrides.

    Raises:
        ValueError: when the name is not that of one row with runs, or several seeds are named.
    """
    selections, seeds = find([row]), seeds_of(options)
    table, rows = selections[0]
    if len(selections) != 1 or rows is None or len(rows) != 1:
        raise ValueError(f"'{row}' is not one row; name it as paper/table:row")
    if table.find_row(rows[0]).quoted:
        raise ValueError(f"'{row}' is quoted from another paper: it has no run")
    if len(seeds) != 1:
        raise ValueError(f"--seeds {options.seeds}: {options.verb_name} takes one run, so name one seed")
    cells = table.cells(scale_of(options), rows=rows, overrides=options.overrides, seeds=seeds)
    return {cell.column.key: cell.runs[0] for cell in cells if cell.tested}
