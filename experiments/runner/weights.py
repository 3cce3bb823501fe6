"""Weights of a run: its files, the initial weights of a training, and the weights of a test."""

import json
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from experiments.runner.files import StoreError, replacing
from experiments.runner.store import RunStore
from experiments.spec.run import RunConfig
from models.frozen import frozen_fingerprint, load_trained, trained_tensors

FROZEN = "frozen_weights"  # metadata key of weight files: fingerprint of the model's frozen parameters


class Weights(NamedTuple):
    """Weights with which a run is tested.

    `path`: file of the weights; None for a run without training, which uses the weights of its parents unchanged.
    `released`: record of the released file that they were imported from; None for the run's own weights.
    """

    path: Path | None
    released: dict | None

    @property
    def trained_here(self) -> bool:
        """Whether they come from a training of the run."""
        return self.path is not None and self.released is None


class ReleasedStart(NamedTuple):
    """Imported released weights of a parent that initialise a part of the model."""

    part: str
    file: str
    sha256: str


def weights_of(run: RunConfig, store: RunStore) -> Weights | None:
    """A run's own weights, or else imported released ones; None if there are neither.

    Raises:
        StoreError: if the record of released weights is damaged.
    """
    directory = store.run(run.train_id)
    if directory.weights.exists():
        return Weights(directory.weights, None)
    released = directory.released_weights()
    if released is not None:
        return Weights(directory.released, released)
    if run.optim is None and run.pretrained and all(weights_of(parent.run, store) for parent in run.parents):
        return Weights(None, None)
    return None


def existing_weights(run: RunConfig, store: RunStore) -> Weights:
    """Weights with which a run is tested.

    Raises:
        ValueError: if there are none, with the remedy.
    """
    weights = weights_of(run, store)
    if weights is not None:
        return weights
    directory = store.run(run.train_id)
    if run.optim is None:
        for parent in run.parents:
            existing_weights(parent.run, store)
    if directory.provenance.exists():
        raise ValueError(f"run {run.train_id} has lost its weights: move {directory.path} away and train it again")
    raise ValueError(
        f"run {run.train_id} has no weights: train it with `reproduce run`, or import released ones with "
        f"`reproduce import-weights FILE --as TABLE:ROW`"
    )


def save_weights(model: nn.Module, path: Path) -> None:
    """Save the trained tensors, and a fingerprint of the frozen parameters.

    Raises:
        StoreError: if the file cannot be written.
    """
    fingerprint = frozen_fingerprint(model)
    with replacing(path) as partial:
        save_file(trained_tensors(model), partial, metadata={FROZEN: json.dumps(fingerprint)} if fingerprint else None)


def load_weights(model: nn.Module, run: RunConfig, store: RunStore, weights: Weights) -> list[ReleasedStart]:
    """Load the weights with which a run is tested.

    Returns the released weights of parents for a run without a weight file of its own, else an empty list.

    Raises:
        ValueError: if the weights of a parent are missing, or the frozen parameters are not those of the training.
        StoreError: if a file is damaged.
    """
    if weights.path is None:
        return start_weights(model, run, store)
    tensors, fingerprint = read_weights(weights.path)
    if fingerprint is None:
        model.load_state_dict(tensors)
    else:
        start_weights(model, run, store)
        load_trained(model, tensors, fingerprint)
    return []


def start_weights(model: nn.Module, run: RunConfig, store: RunStore) -> list[ReleasedStart]:
    """Load the initial weights of a run into a model; returns the released weights of parents among them.

    Raises:
        ValueError: if the weights of a parent are missing, with the remedy.
        FileNotFoundError: if a file of pretrained weights is missing, with the remedy.
    """
    for report in run.model.initialise(model):
        print(report)
    starts = []
    for parent in run.parents:
        weights = existing_weights(parent.run, store)
        print(run.model.copy_from(model, tensors_of(parent.run, store, weights), parent.part))
        if weights.released is not None:
            starts.append(ReleasedStart(parent.part, weights.released["file"], weights.released["sha256"]))
    return starts


def tensors_of(run: RunConfig, store: RunStore, weights: Weights) -> dict[str, Tensor]:
    """All tensors of a run's model with these weights, frozen parameters included."""
    if weights.path is not None:
        tensors, fingerprint = read_weights(weights.path)
        if fingerprint is None:
            return tensors
    model = run.model.build(run.data.size, run.data.targets)
    load_weights(model, run, store, weights)
    return model.state_dict()


def read_weights(path: Path) -> tuple[dict[str, Tensor], str | None]:
    """Trained tensors of a weight file, and the fingerprint of the frozen parameters, which are not in the file.

    Raises:
        StoreError: if the file is damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            fingerprint = json.loads((file.metadata() or {}).get(FROZEN, "null"))
        return load_file(path), fingerprint
    except (SafetensorError, ValueError):
        remedy = (
            "import it again with `reproduce import-weights`" if path.stem == "released" else "train this run again"
        )
        raise StoreError(f"{path} is cut short or damaged; remove it and {remedy}") from None
