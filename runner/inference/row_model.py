"""Models of rows by name with their preprocessing, for use from Python: `row_model("paper/table:row", weights="file")`.

C: classes of all kinds of label. V: views x crops.
"""

import os
import shlex
from importlib.util import find_spec
from pathlib import Path

import runner

# Our packages have common names.
if hidden := [
    spec.origin
    for spec in map(find_spec, ("data", "experiments", "interface", "lightning_modules", "models"))
    if spec is not None and spec.origin is not None
    if not Path(spec.origin).is_relative_to(Path(runner.__path__[0]).parent)
]:
    raise ImportError(f"{hidden[0]} hides a package of the same name that `row_model` needs: rename it, or move it")

os.environ.setdefault("TORCH_DISABLE_NATIVE_JIT", "1")  # before torch is imported, see reproduce/command.py

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from data.datasets.own_videos import UnlabelledVideos
from experiments.spec.catalog import find, released_weights
from experiments.spec.names import own_data
from experiments.spec.run import RunConfig
from experiments.spec.scales import find_scale
from lightning_modules.scores import ViewScores
from runner.inference.class_names import ClassNames, class_names
from runner.inference.evaluate import Answer, best_classes, load_chosen_weights
from runner.machine.resources import Resources
from runner.store.jobs import run_of_row
from runner.store.store import RunStore
from runner.weights.released import released_remedies
from runner.weights.weights import weights_of

NO_LABEL = -1
ALTERNATIVES = "name a file with weights=FILE, or take random weights with untrained=True"


@dataclass(frozen=True, eq=False)
class RowModel:
    """Model of a row with loaded weights, and the preprocessing of the row's test.

    Args:
        model: model in eval mode. It maps `inputs` to logits (V, C).
        source: origin of the weights.
        names: names of the classes by kind of label; None for a class without a name.
    """

    run: RunConfig
    model: nn.Module
    source: str
    names: ClassNames

    def __str__(self) -> str:
        protocol, classes = self.run.evaluation, self.run.data.targets.classes
        outputs = ", ".join(f"{count} of {kind}" for kind, count in classes.items())
        return "\n".join(
            (
                f"inputs: {self.run.data.input_text}",
                f"of a video: views x crops: {protocol.views} x {protocol.crops}",
                f"outputs: logits (B, {sum(classes.values())}): {outputs}",
                f"weights: {self.source}",
            )
        )

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    def inputs(self, video: str | os.PathLike[str], view: int | None = None) -> tuple[Tensor, ...]:
        """Model inputs (V, ...) of a video: all crops of all views, or of one view. They are on the model's device.

        A DecodeError says that the video cannot be read.
        """
        if os.path.isdir(video):
            raise ValueError(
                f"{os.fspath(video)} is a folder; name one video, or use `reproduce evaluate` for all of them"
            )
        protocol = self.run.evaluation
        if view is not None and not 0 <= view < protocol.views:
            raise ValueError(f"view {view}: the test has views 0 to {protocol.views - 1}")
        data = self.run.data
        data = data.with_videos(UnlabelledVideos.Config.of([Path(video)], data.targets))
        items = data.test_items(data.dataset.build(Path(), "test"), protocol)
        views = range(protocol.views) if view is None else (view,)
        parts = zip(*items.inputs(0, views), strict=True)
        return data.on_device(tuple(torch.cat(part).to(self.device) for part in parts))

    @torch.inference_mode()
    def scores(self, video: str | os.PathLike[str]) -> Tensor:
        """Mean scores (C,) of a video over its views and crops, as in the row's test."""
        protocol = self.run.evaluation
        scores = self.run.objective.task(self.run.data.targets).new_scores(protocol)
        if not isinstance(scores, ViewScores):
            raise ValueError(f"the scores of {type(self.run.objective).__qualname__} are not scores of classes")
        first, unknown = torch.tensor([0]), torch.tensor([NO_LABEL])
        for view in range(protocol.views):
            outputs = self.model(*self.inputs(video, view))[None]  # (1, crops, C)
            scores.add(outputs, unknown, first, torch.tensor([view]), first, first)
        return scores.mean(0)

    def best(self, video: str | os.PathLike[str]) -> list[Answer]:
        """Five best classes of each kind of label, the best first: `kind`, `number`, `name`, `score`."""
        return best_classes(self.scores(video), self.names)


def row_model(
    name: str,
    *,
    weights: str | os.PathLike[str] | None = None,
    column: str | None = None,
    scale: str = "paper",
    own: str | os.PathLike[str] | None = None,
    overrides: str | Sequence[str] = (),
    untrained: bool = False,
    classes: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | None = None,
    runs: str | os.PathLike[str] = "runs",
    device: str | None = None,
) -> RowModel:
    """Model of a row with weights and preprocessing, on a GPU if there is one.

    Args:
        name: paper/table:row.
        weights: a released checkpoint or a .safetensors file; None for the weights of the run in `runs`.
        column: column of the run; None for the first tested column.
        own: folder of the videos that the run was trained on, in place of the row's data set.
        overrides: one or several changes of the run, e.g. "optim.epochs=3".
        untrained: use random weights.
        classes: file of the names of the classes, one a line.
        data: folder of the row's data set, whose files have names of its classes; None for that in $VIDEO_ROOT.
        device: name of a device of PyTorch, e.g. "cuda:1"; None for a GPU if there is one.

    Raises:
        ValueError: for an unknown name, or weights that are missing or of another model.
        DataError: if a file cannot be read.
    """
    if untrained and weights is not None:
        raise ValueError(
            f"untrained=True takes random weights, not those of {os.fspath(weights)}; leave one of them out"
        )
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    edits = [overrides] if isinstance(overrides, str) else overrides
    texts = [*edits, *([] if own is None else [own_data(own)])]
    key, run = run_of_row(name, column, find_scale(scale), texts)
    store, file = RunStore(Path(runs)), None if weights is None else Path(weights)
    if not untrained and file is None and weights_of(run, store) is None:
        given = (("--scale", scale), *(("-o", edit) for edit in edits), ("--own", own), ("--runs", runs))
        words = [os.fspath(word) for flag, value in given if value is not None for word in (flag, value)]
        train = f"train it with `{shlex.join(['reproduce', 'run', name, *words, '--column', key])}`"
        raise ValueError(
            f"{name} has no weights at scale {scale} (run {run.train_id} in {store.root.resolve()}): "
            f"{'; or '.join([*released_remedies(run, name), train, ALTERNATIVES])}"
        )
    run.check()
    model = run.model.build(run.data.size, run.data.targets)
    released = released_weights(find([name])[0].table.paper)
    source = load_chosen_weights(model, run, store, file, untrained, released)
    resources = Resources(data=() if data is None else ((run.data.dataset.name, Path(data)),))
    names = class_names(run.data, resources, store.run(run.train_id), None if classes is None else Path(classes))
    return RowModel(run, model.to(chosen).eval(), source, names)
