"""Modules of checkpoints and of the weights of runs, from the file alone."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, cast

from torch import nn

from interface.plain_data import decoded
from models.checkpoints import read_checkpoint
from models.model import ModelConfig
from models.saved_weights import DIGEST, FROZEN, RUN, read_saved
from models.tensors import digest


class Parent(Protocol):
    """Run whose weights initialise a part of another one's model."""

    @property
    def part(self) -> str: ...
    @property
    def run(self) -> "Run": ...


class Run(Protocol):
    """Config that builds a module: a `RunConfig`, which this package does not know."""

    @property
    def model(self) -> ModelConfig: ...
    @property
    def parents(self) -> Sequence[Parent]: ...
    @cached_property
    def train_id(self) -> str: ...
    def build(self) -> Any: ...  # noqa: ANN401  (a TaskModule, which imports this module)


def loaded(file: Path, run: Run | None = None) -> Any:  # noqa: ANN401
    """Module of a checkpoint or a weight file. The file is of `run`, by default the run that it contains."""
    if file.suffix == ".safetensors":
        tensors, saved = read_saved(file)
        if saved.get(DIGEST) not in (None, digest(tensors)):
            raise ValueError(f"{file} was changed after it was saved: its digest differs")
        content = {**saved, "state_dict": {f"model.{name}": tensor for name, tensor in tensors.items()}}
    else:
        content, _ = read_checkpoint(file)
    if run is None and content.get(RUN) is None:
        raise ValueError(f"{file} contains no config; its row has: `row_model(ROW, weights=FILE)`")
    try:
        run = run or cast(Run, decoded(content[RUN]))
        module = run.build()
    except ValueError as error:
        raise ValueError(f"{file}: {error}; its row may be read: `row_model(ROW, weights=FILE)`") from None
    if content.get(FROZEN) is not None:
        start(module.model, run, file.absolute().parent.parent.parent)
    module.on_load_checkpoint(content)
    module.load_state_dict(content["state_dict"])  # pyright: ignore[reportArgumentType]
    return module


def start(model: nn.Module, run: Run, runs: Path) -> None:
    """Load the initial weights of a run, for its frozen parameters. The folders in `runs` end in the ids of runs."""
    run.model.initialise(model)
    for parent in run.parents:
        names = (f"*{parent.run.train_id}/checkpoints/{name}.safetensors" for name in ("weights", "released"))
        file = next((file for name in names for file in runs.glob(name)), None)
        if file is None:
            raise ValueError(f"the frozen weights are those of run {parent.run.train_id}, which is not in {runs}")
        run.model.copy_from(model, loaded(file, parent.run).model.state_dict(), parent.part)
