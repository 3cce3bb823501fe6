"""Masks of a test sequence for the figures of tables, from the files of finished tests."""

import sys
from collections.abc import Iterable

from data.errors import DataError
from experiments.spec.shown_sequences import ShownRun
from runner.machine.messages import one_line
from runner.machine.resources import Resources
from runner.store.mask_strip_files import MaskStrip, strip_id, write_strip
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
    """Save a strip from the files of a finished test. Returns False without such a test, or if the strip exists.

    Raises:
        ValueError: if the data have no masks.
        DataError, StoreError: if the data set or the files of the test cannot be read.
    """
    run, directory = shown.run, store.run(shown.run.train_id)
    found = ((directory.result(run, released=released), released) for released in (False, True))
    metrics, released = next(((metrics, released) for metrics, released in found if metrics), (None, False))
    path = directory.mask_strip(strip_id(shown), released=released)
    if metrics is None or path.exists():
        return False
    data = run.data
    items = data.dataset.build(resources.root(data), "test")
    if shown.sequence not in items.ids:
        raise DataError(
            f"{data.dataset.name} has no test sequence '{shown.sequence}'; it has {', '.join(items.ids[:3])}, ..."
        )
    results = directory.result_files(run.eval_id, released=released)
    masks = data.shown_masks(items, items.ids.index(shown.sequence), results, shown.num_frames)
    record = {
        "train_id": run.train_id,
        "weights": metrics["released_weights"]["file"] if released else "own",
        "sequence": shown.sequence,
        "seed": run.seed,
        "data": {"name": data.dataset.name, "stand_in": data.dataset.stand_in is not None},
        **{name: metrics[name] for name in ("commit", "hardware")},  # of the test that predicted the masks
    }
    write_strip(path, MaskStrip(*masks, record))
    return True
