"""Best classes of videos, with accuracies if they have labels. Reading, views and model are those of a row's test."""

import functools
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from data.config import DataConfig
from data.errors import DataError
from data.fingerprint import DataFingerprint
from data.labels import ItemList
from data.loaders import TestLoader, UnreadableItems, UnrepeatedItems, shut_down
from experiments.spec.released import ReleasedWeights
from experiments.spec.run import RunConfig
from interface.batches import sent
from lightning_modules.scores import EVALUATED, Scores, ViewScores
from models.imagenet import weights_folder
from runner.inference.class_names import ClassNames, Videos, class_names, run_on_videos
from runner.machine.files import read_json
from runner.machine.resources import Resources
from runner.measure.training_step import dtype_on, mixed_precision
from runner.store.acceptance import first_difference
from runner.store.provenance import provenance
from runner.store.store import RunStore
from runner.weights.released import stated_settings
from runner.weights.weights import Weights, existing_weights, load_weights, run_in

NUM_SHOWN = 5  # best classes per video
SECONDS_BETWEEN_LINES = 30  # of progress in a file


def evaluate(
    run: RunConfig,
    store: RunStore,
    resources: Resources,
    videos: Videos,
    *,
    weights: Path | None = None,
    untrained: bool = False,
    released: ReleasedWeights | None = None,
    classes: Path | None = None,
) -> dict[str, object]:
    """Best classes of each video and kind of label and, for a list with labels, accuracies. With provenance.

    Args:
        weights: a released checkpoint or a .safetensors file; None for the weights of the run.
        released: released weights of the paper, which check the settings that a file states.
        classes: file of the names of the classes, one a line; None for those that the training or the data set records.
    """
    labelled = isinstance(videos, Path)
    names = class_names(run.data, resources, store.run(run.train_id), classes)
    shown, root = run_on_videos(run, videos, names)
    shown.check()
    torch.manual_seed(run.seed)
    model = shown.model.build(shown.data.size, shown.data.targets)
    source = load_chosen_weights(model, run, store, weights, untrained, released)
    list_of = functools.cache(functools.partial(shown.data.dataset.build, root))
    items = list_of("test")
    allowed = resources.allow_bad if labelled else sys.maxsize  # an unreadable file is named beside the others
    unreadable = UnreadableItems("test", len(items), allowed, shown.data.dataset.unit)
    scores = scores_of(shown, model, items, unreadable, replace(resources, devices=1, nodes=1))
    if not isinstance(scores, ViewScores):
        raise ValueError(f"evaluate: the scores of {type(run.objective).__qualname__} are not scores of classes")
    scores.check(len(items))
    result = scores.result()
    if not labelled and not result.evaluated:
        raise DataError(f"none of the {len(items)} videos can be read: {'; '.join(unreadable.reasons.values())}")
    return {
        "weights": source,
        "data": DataFingerprint.of(shown.data, list_of).as_json(),
        "views": run.evaluation.views,
        "crops": run.evaluation.crops,
        "score": scores.protocol.merge.rpartition(" ")[2],
        "metrics": result.metrics if labelled else None,
        "evaluated": result.evaluated,
        "failed": result.failed,
        "missing": result.missing,
        "videos": video_entries(shown.data, items, unreadable.reasons, scores, names, labelled=labelled),
        **provenance(),
    }


def scores_of(
    run: RunConfig, model: nn.Module, items: ItemList, unreadable: UnreadableItems, resources: Resources
) -> Scores:
    """Scores of a test of items on a GPU, if there is one, in the precision of the recipe, or on the CPU."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    scores = run.objective.task(run.data.targets).new_scores(run.evaluation)
    views = run.data.test_items(items, run.evaluation)
    workers = resources.num_workers(run.data)
    loader = TestLoader(views, UnrepeatedItems(views), unreadable, resources.test_batch(run), workers)
    model.to(device).eval()
    seconds = 0.1 if sys.stderr.isatty() else SECONDS_BETWEEN_LINES
    try:
        with torch.inference_mode(), mixed_precision(device, dtype_on(device, run.optim)), logging_redirect_tqdm():
            for batch in tqdm(loader, "test", unit="batch", mininterval=seconds):
                inputs = run.data.on_device(tuple(sent(part, device) for part in batch.inputs))
                scores.test(model, batch._replace(inputs=inputs))
    finally:
        shut_down(loader.loader)
    return scores


def video_entries(
    data: DataConfig,
    items: ItemList,
    reasons: Mapping[str, str],
    scores: ViewScores,
    names: ClassNames,
    *,
    labelled: bool,
) -> list[dict[str, object]]:
    """Label, state and best classes of each video, and the error of an unreadable one."""
    files, entries = data.files(items), []
    for index, name in enumerate(items.ids):
        video, label, label_name = scores.items[index], None, None
        if labelled:
            numbers = video.label if isinstance(video.label, tuple) else (video.label,)
            found = [of_kind[number] for of_kind, number in zip(names.values(), numbers, strict=True)]
            label = video.label if len(names) == 1 else dict(zip(names, numbers, strict=True))
            label_name = found[0] if len(names) == 1 else dict(zip(names, found, strict=True))
        top = best_classes(scores.mean(index), names) if video.state == EVALUATED else []
        entry: dict[str, object] = {
            **{"video": name, "label": label, "label_name": label_name},
            **{"state": video.state, "top": [answer.as_json() for answer in top]},
        }
        errors = [reasons[file] for file in (files[index] if files is not None else ()) if file in reasons]
        entries.append(entry | ({"error": errors[0]} if errors else {}))
    return entries


class Answer(NamedTuple):
    """Class of a kind of label, its name, which is None where it is unknown, and its score."""

    kind: str
    number: int
    name: str | None
    score: float

    def __str__(self) -> str:
        return f"{self.name or f'{self.kind} {self.number}'} ({self.score:.3f})"

    def as_json(self) -> dict[str, object]:
        return {"kind": self.kind, "class": self.number, "name": self.name, "score": self.score}


def best_classes(scores: Tensor, names: ClassNames) -> list[Answer]:
    """Classes with the best scores (C,) of each kind of label, the best first."""
    found: list[Answer] = []
    for (kind, of_kind), part in zip(names.items(), scores.split(list(map(len, names.values()))), strict=True):
        best = part.topk(min(NUM_SHOWN, len(part)))
        found += [Answer(kind, int(c), of_kind[int(c)], float(s)) for s, c in zip(*best, strict=True)]
    return found


def load_chosen_weights(
    model: nn.Module,
    run: RunConfig,
    store: RunStore,
    file: Path | None,
    untrained: bool,
    released: ReleasedWeights | None,
) -> str:
    """Load the weights that the user has chosen; returns their source."""
    if untrained:
        return "none: random weights, the scores mean nothing"
    if file is None:
        weights = existing_weights(run, store)
        load_weights(model, run, store, weights)
        if weights.released is not None:
            return f"imported from {weights.released.file}"
        return "those of its parents" if weights.path is None else str(weights.path)
    file = weight_file(file)
    if not file.exists():
        entry = None if released is None else released.find(file.stem)
        if released is None or entry is None:
            raise DataError(f"weights: there is no file {file}")
        command = f"`reproduce run {entry.row} --scale paper --released`"
        raise DataError(
            f"weights: there is no file {file}; get it from {released.url(entry)}, or test it with {command}"
        )
    if file.is_dir():
        raise DataError(f"weights: {file} is a folder; name a file in it")
    if file.suffix != ".safetensors":
        report = run.model.load_released(model, file, run.data.size)
        stated_settings(run, file, report, released)
        return str(report)
    check_config(file, run)
    load_weights(model, run, store, Weights(file, None))
    return str(file)


def check_config(file: Path, run: RunConfig) -> None:
    """Refuse the weights of a run with another model or data set.

    Its config is in the file; that of files of earlier versions may be in the directory above.
    """
    own, path = run_in(file), file.absolute().parent.parent / "config.json"
    stored = own.description if own is not None else read_json(path) if path.is_file() else None
    if stored is None or "model" not in stored or "data" not in stored:
        return
    here, there = (
        {"model": config["model"], "data": {"dataset": config["data"]["dataset"]}}  # type: ignore[index]
        for config in (run.description, stored)
    )
    if (difference := first_difference(there, here)) is not None:
        config = path if own is None else "its config"
        raise ValueError(
            f"{file} is of another run: {config} differs at {difference}; name the row and the options of that run"
        )


def weight_file(file: Path) -> Path:
    """Path of a weight file: as given or, for a name without a folder, in the directory of downloaded weights."""
    in_folder = weights_folder() / file
    return in_folder if not file.exists() and file.name == str(file) and in_folder.exists() else file
