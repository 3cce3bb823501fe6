"""The one run that options name, its weights, and videos in place of its data set."""

from collections.abc import Iterable
from pathlib import Path

from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale, find_scale
from reproduce.next_command import next_command
from reproduce.options import Listed, RunOfRow
from reproduce.selection import note_renamed
from runner.store.store import RunStore


def one_run(options: RunOfRow, column: str | None, scale: Scale | None = None) -> tuple[str, RunConfig]:
    """Column key and run of the row in the options, at their scale or another one; as `run_of_row`."""
    from runner.store.jobs import run_of_row

    return run_of_row(options.table, column, scale or find_scale(options.scale), options.overrides, options.seed)


def chosen_videos(options: Listed) -> Path | list[Path] | None:
    """List file, or videos and folders, in place of the data set, but not both; None if neither is named."""
    if options.video_list is not None and options.videos:
        raise ValueError(f"{options.verb}: {options.videos[0]} is beside --list {options.video_list}; name one of them")
    return options.video_list or list(options.videos) or None


def check_weights(
    options: RunOfRow, column: str, run: RunConfig, store: RunStore, alternatives: Iterable[str] = ()
) -> None:
    """Refuse a row without weights. What else can be done, for the message, is read only then."""
    from runner.weights.released import released_remedies
    from runner.weights.weights import existing_weights, weights_of

    if weights_of(run, store) is not None:
        return
    if store.run(run.train_id).training.exists():
        existing_weights(run, store)  # says that they are lost
    note_renamed([run], store)
    train = next_command("run", options, [options.table], ["--column", column])
    remedies = [f"train it with `{train}`", *released_remedies(run, options.table), *alternatives]
    raise ValueError(
        f"{options.table} has no weights at --scale {options.scale} (run {run.train_id} in {store.root.resolve()}): "
        f"{'; or '.join(remedies)}"
    )
