"""Models of rows by name, for use from Python: `row_model("paper/table:row", weights="file")`."""

import os

os.environ.setdefault("TORCH_DISABLE_NATIVE_JIT", "1")  # before torch is imported, see reproduce/command.py

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import torch

from experiments.spec.catalog import find, released_weights
from experiments.spec.override_names import own_data
from reproduce.selection import check_weights, one_run, store_of
from runner.inference.class_names import class_names
from runner.inference.evaluate import load_chosen_weights
from runner.inference.row_model import RowModel
from runner.machine.resources import Resources

ALTERNATIVES = "name a file with weights=FILE, or take random weights with untrained=True"


def row_model(
    name: str,
    *,
    weights: str | os.PathLike[str] | None = None,
    column: str | None = None,
    scale: str = "paper",
    own: str | os.PathLike[str] | None = None,
    overrides: Sequence[str] = (),
    untrained: bool = False,
    classes: str | os.PathLike[str] | None = None,
    runs: str | os.PathLike[str] = "runs",
    device: str | None = None,
) -> RowModel:
    """Model of a row with weights and preprocessing, on a GPU if there is one.

    Args:
        name: paper/table:row.
        weights: a released checkpoint or a .safetensors file; None for the weights of the run in `runs`.
        column: column of the run; None for the first tested column.
        own: folder of the videos that the run was trained on, in place of the row's data set.
        untrained: use random weights.
        classes: file of the names of the classes, one a line.
        device: name of a device of PyTorch, e.g. "cuda:1"; None for a GPU if there is one.

    Raises:
        ValueError: for an unknown name, a device that is not here, or weights that are missing or of another model.
        DataError: if a file cannot be read.
    """
    if untrained and weights is not None:
        raise ValueError(
            f"untrained=True takes random weights, not those of {os.fspath(weights)}; leave one of them out"
        )
    if isinstance(overrides, str):
        raise ValueError(f"overrides is a list of texts; write overrides=[{overrides!r}]")
    chosen = _checked_device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    texts = [*overrides, *([] if own is None else [own_data(own)])]
    options = Namespace(
        table=name, scale=scale, seeds=None, overrides=texts, runs=Path(runs), verb_name="row_model"
    )  # fmt: skip
    key, run = one_run(options, column)
    store, file = store_of(options), None if weights is None else Path(weights)
    if file is None and not untrained:
        check_weights(options, key, run, store, [ALTERNATIVES])
    run.check()
    model = run.model.build(run.data.size, run.data.targets)
    released = released_weights(find([name])[0].table.paper)
    source = load_chosen_weights(model, run, store, file, untrained, released)
    names = class_names(run.data, Resources(), store.run(run.train_id), None if classes is None else Path(classes))
    return RowModel(run, model.to(chosen).eval(), source, names)


def _checked_device(name: str) -> torch.device:
    """Device with this name.

    Raises:
        ValueError: if PyTorch has no such device here.
    """
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}") from None
