"""The weights of a run: where they lie, where a training starts, and what a test uses."""

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

FROZEN = "frozen_weights"  # in the metadata of a weight file: the fingerprint of the model's frozen parameters


class Weights(NamedTuple):
    """The weights that a run is tested with.

    `path`: their file; None for a run that trains nothing and takes the weights of its parents as they are.
    `released`: the record of the released file that they were imported from; None for the run's own.
    """

    path: Path | None
    released: dict | None


class ReleasedStart(NamedTuple):
    """Released weights that a training started from in place of a parent's own: which part of the model they fill."""

    part: str
    file: str
    sha256: str


def weights_of(run: RunConfig, store: RunStore) -> Weights | None:
    """A run's own weights or, where there are none, imported released ones; None where there are neither.

    Raises:
        StoreError: when the record of released weights is damaged.
    """
    directory = store.run(run.train_id)
    if directory.weights.exists():
        return Weights(directory.weights, None)
    released = directory.released_weights()
    if released is not None:
        return Weights(directory.released, released)
    if run.optim is None and all(weights_of(parent.run, store) is not None for parent in run.parents):
        return Weights(None, None)
    return None


def existing_weights(run: RunConfig, store: RunStore) -> Weights:
    """The weights that a run is tested with.

    Raises:
        ValueError: when there are none, naming how to get some.
    """
    weights = weights_of(run, store)
    if weights is not None:
        return weights
    directory = store.run(run.train_id)
    if directory.provenance.exists():
        raise ValueError(f"run {run.train_id} has lost its weights: move {directory.path} away and train it again")
    raise ValueError(
        f"run {run.train_id} has no weights: train it with `reproduce run`, or take in released ones with "
        f"`reproduce import-weights FILE --as TABLE:ROW`"
    )


def save_weights(model: nn.Module, path: Path) -> None:
    """Keep what was trained, and of the frozen rest a fingerprint.

    Raises:
        StoreError: when the file cannot be written.
    """
    fingerprint = frozen_fingerprint(model)
    with replacing(path) as partial:
        save_file(trained_tensors(model), partial, metadata={FROZEN: json.dumps(fingerprint)} if fingerprint else None)


def load_weights(model: nn.Module, run: RunConfig, store: RunStore, weights: Weights) -> list[ReleasedStart]:
    """Give a run's model the weights that it is tested with.

    Raises:
        ValueError: when parents or frozen parts are not at hand.
        StoreError: when a file is damaged.
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
    """Give a model with random weights those that its run starts from; returns the released ones among them.

    Raises:
        ValueError: when they are not at hand, naming how to get them.
        FileNotFoundError: likewise for a file from elsewhere.
    """
    if (report := run.model.initialise(model)) is not None:
        print(report)
    released = []
    for parent in run.parents:
        weights = weights_of(parent.run, store)
        if weights is None:
            raise ValueError(
                f"this run starts from run {parent.run.train_id}, which is not trained; "
                f"`reproduce plan` names its table row, `reproduce run` trains it first"
            )
        print(run.model.copy_from(model, tensors_of(parent.run, store, weights), parent.part))
        if weights.released is not None:
            released.append(ReleasedStart(parent.part, weights.released["file"], weights.released["sha256"]))
    return released


def tensors_of(run: RunConfig, store: RunStore, weights: Weights) -> dict[str, Tensor]:
    """All tensors of a run's model, frozen ones included."""
    if weights.path is not None:
        tensors, fingerprint = read_weights(weights.path)
        if fingerprint is None:
            return tensors
    model = run.model.build(run.data.size, run.data.targets)
    load_weights(model, run, store, weights)
    return model.state_dict()


def read_weights(path: Path) -> tuple[dict[str, Tensor], str | None]:
    """The tensors that a training kept, and the fingerprint of the frozen ones that it did not.

    Raises:
        StoreError: when the file is damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            fingerprint = json.loads((file.metadata() or {}).get(FROZEN, "null"))
        return load_file(path), fingerprint
    except (SafetensorError, ValueError):
        again = "import it again with `reproduce import-weights`" if path.stem == "released" else "train this run again"
        raise StoreError(f"{path} is cut short or damaged; remove it and {again}") from None
