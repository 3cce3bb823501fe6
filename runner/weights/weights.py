"""Weights of a run: its files, the initial weights of a training, and the weights of a test."""

import json
import textwrap
from pathlib import Path
from typing import NamedTuple

from safetensors.torch import save_file
from torch import Tensor, nn

from experiments.spec.run import RunConfig
from interface.plain_data import decoded, encoded
from models.saved_weights import DIGEST, FROZEN, RUN, SAVED, read_saved, stated
from models.tensors import digest, frozen_fingerprint, load_trained, trained_tensors
from runner.machine.files import StoreError, replacing
from runner.store.records import ImportedWeights, ReleasedStart, read_training
from runner.store.run_directory import RunDirectory
from runner.store.store import RunStore


class Weights(NamedTuple):
    """Weights with which a run is tested.

    `path`: file of the weights; None for a run without training, which uses the weights of its parents unchanged.
    `released`: record of the released file that they were imported from; None for the run's own weights.
    `digest`: digest of the tensors when they were saved; None if no record contains it.
    """

    path: Path | None
    released: ImportedWeights | None
    digest: str | None = None

    @property
    def trained_here(self) -> bool:
        return self.path is not None and self.released is None

    def directory(self, run: RunConfig, store: RunStore) -> RunDirectory:
        """Directory of the run, for the files of tests of these weights."""
        own = store.run(run.train_id)
        return own if self.released is None else own.of_released


def weights_of(run: RunConfig, store: RunStore) -> Weights | None:
    """A run's own weights, or else imported released ones; None if there are neither."""
    directory = store.run(run.train_id)
    if directory.weights.exists():
        training = read_training(directory.training)
        return Weights(directory.weights, None, training.weights_digest if training is not None else None)
    released = directory.released_weights()
    if released is not None:
        return Weights(directory.released, released, released.weights_digest)
    starts = (weights_of(parent.run, store) for parent in run.parents)
    needs_no_training = run.pretrained or run.model.is_control
    if run.optim is None and needs_no_training and all(start is not None for start in starts):
        return Weights(None, None)
    return None


def existing_weights(run: RunConfig, store: RunStore) -> Weights:
    """Weights with which a run is tested, or a ValueError with the remedy."""
    weights = weights_of(run, store)
    if weights is not None:
        return weights
    directory = store.run(run.train_id)
    if run.optim is None:
        for parent in run.parents:
            existing_weights(parent.run, store)
    if directory.training.exists():
        raise ValueError(f"run {run.train_id} has lost its weights: move {directory.path} away and train it again")
    raise ValueError(
        f"run {run.train_id} has no weights: train it with `reproduce run`, or test released ones with "
        f"`reproduce run TABLE:ROW --scale paper --released`"
    )


def save_weights(model: nn.Module, path: Path, run: object = None) -> str:
    return save_tensors(trained_tensors(model), path, run, frozen_fingerprint(model))


def save_tensors(tensors: dict[str, Tensor], path: Path, run: object = None, fingerprint: str | None = None) -> str:
    """Save the tensors of a run with their digest, which is returned, and the run.

    Args:
        run: config of the run, from which `TaskModule.load_from_checkpoint` builds the model.
        fingerprint: that of frozen parameters, which are not among the tensors.
    """
    found = digest(tensors)
    saved = {DIGEST: found, FROZEN: fingerprint, RUN: encoded(run)}
    with replacing(path) as partial:
        save_file(tensors, partial, metadata={SAVED: json.dumps(saved)})
    return found


def load_weights(model: nn.Module, run: RunConfig, store: RunStore, weights: Weights) -> list[ReleasedStart]:
    """Load the weights with which a run is tested.

    Returns the released weights of parents for a run without a weight file of its own, else an empty list.
    """
    if weights.path is None:
        return start_weights(model, run, store)
    tensors, fingerprint = read_weights(weights.path, weights.digest)
    try:
        if fingerprint is None:
            model.load_state_dict(tensors)
        else:
            start_weights(model, run, store)
            load_trained(model, tensors, fingerprint)
    except RuntimeError as error:  # of names and shapes
        raise ValueError(
            f"{weights.path} does not hold this row's model: name the row, scale and options that it was trained with "
            f"({textwrap.shorten(str(error), 200)})"
        ) from None
    return []


def start_weights(model: nn.Module, run: RunConfig, store: RunStore) -> list[ReleasedStart]:
    """Load the initial weights of a run; returns the released weights of parents among them."""
    for report in run.model.initialise(model):
        print(report)
    starts = []
    for parent in run.parents:
        weights = existing_weights(parent.run, store)
        print(run.model.copy_from(model, tensors_of(parent.run, store, weights), parent.part))
        if weights.released is not None:
            starts.append(ReleasedStart(parent.part, weights.released.file, weights.released.sha256))
    return starts


def tensors_of(run: RunConfig, store: RunStore, weights: Weights) -> dict[str, Tensor]:
    """All tensors of a run's model with these weights, frozen parameters included."""
    if weights.path is not None:
        tensors, fingerprint = read_weights(weights.path, weights.digest)
        if fingerprint is None:
            return tensors
    model = run.model.build(run.data.size, run.data.targets)
    load_weights(model, run, store, weights)
    return model.state_dict()


def read_weights(path: Path, expected: str | None = None) -> tuple[dict[str, Tensor], str | None]:
    """Trained tensors of a weight file, and the fingerprint of the frozen parameters, which are not in the file.

    Args:
        expected: digest of the tensors when they were saved; None to compare them only with the digest in the file.
    """
    try:
        tensors, metadata = read_saved(path)
    except FileNotFoundError:
        raise StoreError(f"{path} is missing; {remedy(path)}") from None
    except ValueError:
        raise StoreError(f"{path} is cut short or damaged; {remedy(path)}") from None
    stored = metadata.get(DIGEST)
    if (stored or expected) and {stored or expected, expected or stored} != {digest(tensors)}:
        raise StoreError(f"{path} was changed after it was saved: its digest differs; restore it, or {remedy(path)}")
    return tensors, metadata.get(FROZEN)


def run_in(path: Path) -> RunConfig | None:
    """Run whose weights a file holds; None if it names none that this version knows."""
    try:
        found = decoded(stated(path).get(RUN))
    except ValueError:
        return None
    return found if isinstance(found, RunConfig) else None


def saved_digest(path: Path) -> str:
    """Digest of the tensors in a weight file, after a comparison with the digest in the file."""
    return digest(read_weights(path)[0])


def remedy(path: Path) -> str:
    match path.name:
        case "released.safetensors":
            return "import it again with `reproduce import-weights`"
        case "kept.safetensors" | "best.safetensors":
            return f"remove {path.parent} to train this run from its beginning"
        case "weights.safetensors":
            return f"move {path.parent.parent} away to train this run again"
    return "get it again"
