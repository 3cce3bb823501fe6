"""Model of a row with its preprocessing, for use from Python. C: classes of all kinds of label. V: views x crops."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from experiments.spec.run import RunConfig
from lightning_modules.scores import ViewScores
from runner.inference.class_names import ClassNames
from runner.inference.evaluate import best_classes

NO_LABEL = -1


@dataclass(frozen=True, eq=False)
class RowModel:
    """Model of a row with loaded weights, and the preprocessing of the row's test.

    Args:
        run: run of the row.
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

        Raises:
            DecodeError: if the video cannot be read.
            ValueError: for a folder, or a view that the protocol does not have.
        """
        if not os.fspath(video):
            raise ValueError("'' names no video")
        if os.path.isdir(video):
            raise ValueError(
                f"{os.fspath(video)} is a folder; name one video, or use `reproduce evaluate` for all of them"
            )
        protocol = self.run.evaluation
        if view is not None and not 0 <= view < protocol.views:
            raise ValueError(f"view {view}: the test has views 0 to {protocol.views - 1}")
        data = self.run.data.from_files([Path(video)])
        items = data.test_items(data.dataset.build(Path(), "test"), protocol)
        views = range(protocol.views) if view is None else (view,)
        parts = zip(*(items.inputs(0, index) for index in views), strict=True)
        return data.on_device(tuple(torch.cat(part).to(self.device) for part in parts))

    @torch.inference_mode()
    def scores(self, video: str | os.PathLike[str]) -> Tensor:
        """Mean scores (C,) of a video over its views and crops, as in the row's test.

        Raises:
            DecodeError: if the video cannot be read.
            ValueError: for a row that predicts no classes.
        """
        protocol = self.run.evaluation
        scores = self.run.objective.task(self.run.data.targets).new_scores(protocol)
        if not isinstance(scores, ViewScores):
            raise ValueError(f"the scores of {type(self.run.objective).__qualname__} are not scores of classes")
        first, unknown = torch.tensor([0]), torch.tensor([NO_LABEL])
        for view in range(protocol.views):
            outputs = self.model(*self.inputs(video, view))[None]  # (1, crops, C)
            scores.add(outputs, unknown, first, torch.tensor([view]), first, first)
        return scores.mean(0)

    def best(self, video: str | os.PathLike[str]) -> list[dict[str, object]]:
        """Five best classes of each kind of label, the best first: its number, its name if it has one, and its score.

        Raises:
            DecodeError: if the video cannot be read.
        """
        return best_classes(self.scores(video), self.names)
