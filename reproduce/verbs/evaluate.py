"""`reproduce evaluate`: predicts the classes of videos with the model of a row, and scores those that have labels."""

import argparse
import contextlib
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from experiments.spec.catalog import find, released_weights
from experiments.spec.scales import SCALES
from reproduce.exit_codes import DONE
from reproduce.selection import check_weights, one_run, resources_of, store_of
from reproduce.verbs.evaluation_text import evaluation_text
from runner.inference.evaluate import evaluate
from runner.store.store import RunStore
from runner.weights.weights import weights_of

ALTERNATIVES = "name a file with --weights FILE, or test the command with --untrained"


def execute(options: argparse.Namespace) -> int:
    """Predict the classes of videos, or score a list of videos, and print the result."""
    check_effect(options)
    column, run = one_run(options, options.column)
    store, videos = store_of(options), chosen_videos(options)
    if options.weights is None and not options.untrained:
        check_weights(options, column, run, store, chain(other_scales(options, store), [ALTERNATIVES]))
    scores = evaluate(
        run,
        store,
        resources_of(options),
        videos,
        weights=options.weights,
        untrained=options.untrained,
        released=released_weights(find([options.table])[0].table.paper),
        classes=options.classes,
    )
    row = {"row": options.table, "column": column, "scale": options.scale, "overrides": options.overrides}
    result = {**row, "train_id": run.train_id, "eval_id": run.eval_id, "seed": run.seed, **scores}
    dataset = None if run.data.dataset.stand_in is not None else run.data.dataset.name
    print(json.dumps(result, indent=1) if options.json else evaluation_text(result, dataset))
    return DONE


def check_effect(options: argparse.Namespace) -> None:
    """Refuse resources that no evaluation uses.

    Raises:
        ValueError: with the option.
    """
    given = {
        "--data": options.data,
        "--devices": (options.devices or 1) > 1,
        "--nodes": options.nodes > 1,
        "--micro-batch": options.micro_batch,
        "--recompute": options.recompute,
    }
    for name in (name for name, is_given in given.items() if is_given):
        raise ValueError(f"evaluate: {name} has no effect: one device reads the named videos; leave it out")


def other_scales(options: argparse.Namespace, store: RunStore) -> Iterator[str]:
    """Remedy for each other scale at which the row has weights."""
    for scale in SCALES:
        other = argparse.Namespace(**{**vars(options), "scale": scale})
        with contextlib.suppress(ValueError, OSError):  # overrides of this scale alone; damaged records
            if scale != options.scale and weights_of(one_run(other, options.column)[1], store) is not None:
                yield f"add --scale {scale}, at which this row has weights"


def chosen_videos(options: argparse.Namespace) -> Path | list[Path]:
    """List file, or videos and folders.

    Raises:
        ValueError: if there are neither or both.
    """
    if options.video_list is None and not options.videos:
        raise ValueError("evaluate: name videos or folders of videos, or a list of videos with labels with --list FILE")
    if options.video_list is not None and options.videos:
        raise ValueError(f"evaluate: {options.videos[0]} is beside --list {options.video_list}; name one of them")
    return options.videos if options.video_list is None else options.video_list
