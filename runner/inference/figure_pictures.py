"""Pictures for the figures of tables: attention maps of tested models, and masks from the files of tests."""

import sys
from collections.abc import Iterable

from data.errors import DataError
from experiments.spec.figure_runs import ShownRun
from experiments.spec.figures import AttentionQuery, ShownMasks
from experiments.spec.run import RunConfig
from runner.inference.attention import attention_maps
from runner.machine.messages import one_line
from runner.machine.resources import Resources
from runner.store.kept_pictures import MaskStrip, file_of, in_words, kind_and_name, write_pictures
from runner.store.store import RunStore, StoredTest


def keep_all(shown_runs: Iterable[ShownRun], store: RunStore, resources: Resources) -> list[ValueError | OSError]:
    """Make the missing pictures of tested runs; returns the errors."""
    errors: list[ValueError | OSError] = []
    for shown in shown_runs:
        what = in_words(kind_and_name(shown)[0])
        try:
            if keep(shown, store, resources):
                print(f"{shown.row}: {what} made", file=sys.stderr, flush=True)
        except (ValueError, OSError) as error:
            print(f"reproduce: {shown.row}: no {what}: {one_line(error)}", file=sys.stderr, flush=True)
            errors.append(error)
    return errors


def keep(shown_run: ShownRun, store: RunStore, resources: Resources) -> bool:
    """Whether the pictures of a run were made: not without a test, nor if they exist."""
    _, run, shown = shown_run
    own = store.run(run.train_id)
    found = store.test(run, [own] if own.weights.exists() else [own, own.of_released])
    if found is None or (path := file_of(shown_run, found.directory)).exists():
        return False
    match shown:
        case AttentionQuery():
            write_pictures(path, attention_maps(run, store, resources, shown))
        case ShownMasks():
            write_pictures(path, mask_strip(run, shown, found, resources))
        case _:
            return False  # a test itself keeps its answers
    return True


def mask_strip(run: RunConfig, shown: ShownMasks, test: StoredTest, resources: Resources) -> MaskStrip:
    """Strip from the files of a finished test."""
    data, record = run.data, test.record
    items = data.dataset.build(resources.root(data), "test")
    if shown.sequence not in items.ids:
        known = ", ".join(items.ids[:3])
        raise DataError(f"{data.dataset.name} has no test sequence '{shown.sequence}'; it has {known}, ...")
    results, released = test.directory.predictions(run.eval_id), record.released_weights
    masks = data.shown_masks(items, items.ids.index(shown.sequence), results, shown.num_frames)
    origin = {
        "train_id": run.train_id,
        "weights": released.file if released is not None else "own",
        "sequence": shown.sequence,
        "seed": run.seed,
        "data": {"name": data.dataset.name, "stand_in": data.dataset.stand_in is not None},
        "commit": record.commit,  # of the test that predicted the masks
        "hardware": record.hardware,
    }
    return MaskStrip(*masks, origin)
