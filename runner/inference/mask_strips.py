"""Masks of a test sequence for the figures of tables, from the files of finished tests."""

import sys
from collections.abc import Iterable

from data.errors import DataError
from experiments.spec.figure_runs import ShownRun
from runner.machine.messages import one_line
from runner.machine.resources import Resources
from runner.store.kept_pictures import MaskStrip, strip_id, write_pictures
from runner.store.store import RunStore


def keep_all_strips(runs: Iterable[ShownRun], store: RunStore, resources: Resources) -> list[ValueError | OSError]:
    """Save the missing strips of tested runs; returns the errors."""
    errors: list[ValueError | OSError] = []
    for shown in runs:
        try:
            if save_strip(shown, store, resources):
                print(f"{shown.row}: masks of {shown.sequence} saved", file=sys.stderr, flush=True)
        except (ValueError, OSError) as error:
            print(f"reproduce: {shown.row}: no masks to show: {one_line(error)}", file=sys.stderr, flush=True)
            errors.append(error)
    return errors


def save_strip(shown: ShownRun, store: RunStore, resources: Resources) -> bool:
    """Save a strip from the files of a finished test. Returns False without such a test, or if the strip exists."""
    run, own = shown.run, store.run(shown.run.train_id)
    found = store.test(run, [own, own.of_released])
    if found is None:
        return False
    path = found.directory.pictures(MaskStrip.folder, strip_id(shown))
    if path.exists():
        return False
    data = run.data
    items = data.dataset.build(resources.root(data), "test")
    if shown.sequence not in items.ids:
        raise DataError(
            f"{data.dataset.name} has no test sequence '{shown.sequence}'; it has {', '.join(items.ids[:3])}, ..."
        )
    results, released = found.directory.result_files(run.eval_id), found.record.released_weights
    masks = data.shown_masks(items, items.ids.index(shown.sequence), results, shown.num_frames)
    record = {
        "train_id": run.train_id,
        "weights": released.file if released is not None else "own",
        "sequence": shown.sequence,
        "seed": run.seed,
        "data": {"name": data.dataset.name, "stand_in": data.dataset.stand_in is not None},
        "commit": found.record.commit,  # of the test that predicted the masks
        "hardware": found.record.hardware,
    }
    write_pictures(path, MaskStrip(*masks, record))
    return True
