"""Tables, runs and jobs selected by parsed arguments. Models are imported only by the functions that need them."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.spec.catalog import Selection, find
from experiments.spec.names import FINE_TUNE
from reproduce.arguments import DEFAULT_RUNS
from reproduce.next_command import next_command

if TYPE_CHECKING:
    from experiments.spec.run import RunConfig
    from experiments.spec.scales import Scale
    from runner.machine.resources import Resources
    from runner.store.jobs import Job
    from runner.store.store import RunStore

READERS = ("list", "status", "report", "claims", "tensorboard", "attention", "evaluate")  # verbs that start no run
RESULTS = Path(__file__).resolve().parent.parent / "reports" / "results"


def seeds_of(options: argparse.Namespace) -> tuple[int, ...]:
    """Seeds of --seeds, by default 0.

    Raises:
        ValueError: for text that is not a list of distinct seeds.
    """
    try:
        seeds = tuple(int(word) for word in (options.seeds or "0").split(","))
    except ValueError:
        raise ValueError(f"--seeds '{options.seeds}': write whole numbers with commas, e.g. --seeds 0,1,2") from None
    if min(seeds) < 0:
        raise ValueError(f"--seeds '{options.seeds}': seeds are 0 or more")
    if max(seeds) >= 2**32:
        raise ValueError(f"--seeds '{options.seeds}': seeds are below {2**32}")
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"--seeds '{options.seeds}' names a seed twice")
    return seeds


def store_of(options: argparse.Namespace, *, compare_scores: bool = False) -> "RunStore":
    """Run store that falls back on the published results.

    Args:
        compare_scores: whether results are compared with their saved scores, which takes a second for a large test.
    """
    from runner.store.store import RunStore

    if options.verb_name in READERS and options.runs != DEFAULT_RUNS and not options.runs.exists():
        print(f"note: --runs {options.runs} does not exist, so there are no runs in it", file=sys.stderr)
    return RunStore(options.runs, results=RESULTS, compare_scores=compare_scores)


def resources_of(options: argparse.Namespace) -> "Resources":
    """Resources of the machine.

    Raises:
        ValueError: for a data root that is not NAME=PATH, or a number below its minimum.
    """
    from runner.machine.resources import Resources

    roots = []
    for text in options.data:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise ValueError(f"--data '{text}': write it as NAME=PATH, e.g. --data kinetics400=/data/k400")
        roots.append((name, Path(path)))
    numbers = {
        name: getattr(options, name) for name in ("devices", "nodes", "micro_batch", "threads", "workers", "allow_bad")
    }
    for name, number in numbers.items():
        minimum = 0 if name in ("workers", "allow_bad") else 1
        if number is not None and number < minimum:
            raise ValueError(f"--{name.replace('_', '-')} {number}: it must be {minimum} or more")
    return Resources(data=tuple(roots), recompute=options.recompute, **numbers)


def published_store() -> "RunStore":
    """Store of the published results alone."""
    from runner.store.store import RunStore

    return RunStore(RESULTS)


def scale_of(options: argparse.Namespace) -> "Scale":
    """Scale of --scale."""
    from experiments.spec.scales import find_scale

    return find_scale(options.scale)


def selected(options: argparse.Namespace) -> "tuple[list[Selection], Scale, tuple[int, ...]]":
    """Selected tables, scale and seeds."""
    return find(options.tables), scale_of(options), seeds_of(options)


def jobs(options: argparse.Namespace) -> "list[Job]":
    """Jobs of the selected tables and columns."""
    from runner.store.jobs import jobs_of, jobs_under

    selections, scale, seeds = selected(options)
    found = jobs_of(selections, scale, options.overrides, seeds)
    if options.columns is not None:
        found = jobs_under(found, options.columns.split(","))
    return [job for job in found if not options.eval_only or job.cells]


def check_start(options: argparse.Namespace, found: "list[Job]", store: "RunStore") -> None:
    """Refuse --fine-tune for rows without weights to start from.

    Raises:
        ValueError: with the row and the remedy.
    """
    from runner.weights.weights import weights_of

    for job in found if FINE_TUNE in options.overrides else ():
        if job.cells and any(weights_of(parent.run, store) is None for parent in job.run.parents):
            row = job.name.rpartition(".")[0]
            raise ValueError(
                f"--fine-tune: {row} has no weights to start from: import released ones (`reproduce list --weights` "
                f"names them), or train it first with `reproduce run {row} --scale {options.scale}`"
            )


def check_weights(
    options: argparse.Namespace, column: str, run: "RunConfig", store: "RunStore", alternatives: Iterable[str] = ()
) -> None:
    """Refuse a row without weights.

    Args:
        alternatives: what else can be done, for the message. They are read only if there are no weights.

    Raises:
        ValueError: with the command that trains the row.
    """
    from runner.weights.weights import existing_weights, weights_of

    if weights_of(run, store) is not None:
        return
    if store.run(run.train_id).training.exists():
        existing_weights(run, store)  # says that they are lost
    train = next_command("run", options, [options.table], ["--column", column])
    imports = f"import released ones with `reproduce import-weights FILE --as {options.table}`"
    remedies = [f"train it with `{train}`", *([] if scale_of(options).small else [imports]), *alternatives]
    raise ValueError(
        f"{options.table} has no weights at --scale {options.scale} (run {run.train_id} in {store.root.resolve()}): "
        f"{'; or '.join(remedies)}"
    )


def one_run(options: argparse.Namespace, column: str | None, scale: "Scale | None" = None) -> "tuple[str, RunConfig]":
    """Column key and run of the row in the arguments, at their scale or another one; as `run_of_row`."""
    from runner.store.jobs import run_of_row

    return run_of_row(options.table, column, scale or scale_of(options), options.overrides, one_seed(options))


def one_seed(options: argparse.Namespace) -> int:
    """The one seed of the arguments.

    Raises:
        ValueError: if there are several.
    """
    seed, *others = seeds_of(options)
    if others:
        raise ValueError(f"--seeds {options.seeds}: {options.verb_name} takes one run, so name one seed")
    return seed
