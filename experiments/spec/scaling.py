"""Parts of data sets and short trainings for scales between `tiny` and `paper`; notes on tables whose runs are scaled."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import NamedTuple

from data.datasets.videos import VideoDataset
from data.sampling.base import SamplingConfig
from experiments.spec.edits import Edit, Edits
from experiments.spec.run import RunConfig
from lightning_modules.optim import ScheduleConfig

NO_KINETICS600 = "no list of classes is published for a part of Kinetics-600"


def recipe(epochs: Mapping[str, int], shares: Mapping[str, float] | None = None) -> Edits:
    """Edits to a part of the data and fewer epochs, with the times of the schedule in proportion.

    Args:
        epochs: length of a training, by the name of the data set.
        shares: shares of the training videos; all of those of other data sets.
    """

    def part(dataset: object) -> object:
        from data.datasets.subset import NAMES, Subset  # here: other scales need it not

        assert isinstance(dataset, VideoDataset)
        share = (shares or {}).get(dataset.name, 1.0)
        return Subset.Config.of(dataset, share) if share < 1 or dataset.name in NAMES else dataset

    def shorter(run: RunConfig) -> object:
        assert run.optim is not None
        length = epochs[run.data.dataset.name]
        schedule = stretched(run.optim.schedule, length / run.optim.length)
        return replace(run.optim, epochs=length, schedule=schedule, precision="bf16-mixed")

    return Edit("data.dataset", part), Edit("optim", shorter, only_if_trained=True, of_run=True)


def with_doubled_stride(sampling: object) -> object:
    """Sampling of half the frames, whose clips cover as much of a video."""
    assert isinstance(sampling, SamplingConfig)
    stride = getattr(sampling, "stride", None)
    return sampling if stride is None else replace(sampling, stride=2 * stride)


def stretched(schedule: ScheduleConfig, factor: float) -> ScheduleConfig:
    """Schedule of a training that is longer by a factor."""
    times = {one.name: getattr(schedule, one.name) for one in fields(schedule) if one.metadata.get("is_time")}
    longer = {n: tuple(factor * t for t in v) if isinstance(v, tuple) else factor * v for n, v in times.items()}
    return replace(schedule, **longer)


class ScaledCell(NamedTuple):
    """A cell with a test: its row in words, its column, its runs at the paper's size and at the scale, why it has none."""

    row: str
    column: str
    paper_run: RunConfig | None
    run: RunConfig | None
    left_out: str


def scale_notes(cells: Sequence[ScaledCell], scale: str) -> list[str]:
    notes = []
    if same := same_runs(cells):
        notes.append(f"Rows that are one run at the scale `{scale}`, and several in the paper: {same}.")
    for reason in dict.fromkeys(cell.left_out for cell in cells if cell.left_out):
        rows = dict.fromkeys(cell.row for cell in cells if cell.left_out == reason)
        which = "; ".join(rows) if any(cell.run is not None for cell in cells) else "all rows"
        notes.append(f"Left out at the scale `{scale}`: {which}: {reason}.")
    return notes


def same_runs(cells: Sequence[ScaledCell]) -> str:
    """Groups of rows whose runs differ at the paper's size alone."""
    rows: dict[tuple[str, str, str], dict[str, RunConfig]] = {}
    for cell in cells:
        if cell.run is not None and cell.paper_run is not None:
            same = rows.setdefault((cell.column, cell.run.train_id, cell.run.eval_id), {})
            same[cell.row] = cell.paper_run
    groups = (names for names in rows.values() if any(run != next(iter(names.values())) for run in names.values()))
    return "; ".join(dict.fromkeys(" and ".join(f"“{name}”" for name in names) for names in groups))
