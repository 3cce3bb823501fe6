"""Parts of data sets and short trainings for scales between `tiny` and `paper`; tables at a scale."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace

from data.datasets.videos import VideoDataset
from data.sampling.base import SamplingConfig
from experiments.spec.edits import Edit
from experiments.spec.run import RunConfig
from experiments.spec.scales import Recipe, Scale
from experiments.spec.table import Cell, Row, Table, label_text
from lightning_modules.optim import ScheduleConfig

NO_KINETICS600 = "no list of classes is published for a part of Kinetics-600"


def recipe(
    epochs: Mapping[str, int],
    *edits: Edit,
    shares: Mapping[str, float] | None = None,
    left_out: Callable[[RunConfig], str] = lambda run: "",
) -> Recipe:
    """Recipe of a part of the data and fewer epochs, with the times of the schedule in proportion, and of further edits.

    Args:
        epochs: length of a training, by the name of the data set. Those on other data sets are left out.
        shares: shares of the training videos; all of those of other data sets.
    """

    def reason(run: RunConfig) -> str:
        name = run.data.dataset.name
        return left_out(run) or ("" if name in epochs or run.optim is None else f"no part of {name} is chosen")

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

    of_data = Edit("data.dataset", part), Edit("optim", shorter, only_if_trained=True, of_run=True)
    return Recipe(edits=(*of_data, *edits), left_out=reason)


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


def at_scale(table: Table, scale: Scale) -> Table:
    """Table with the headers, the figure and the notes that hold at a scale."""
    notes = [note for note in table.notes if not isinstance(note, scale.without)]
    notes += scale_notes([cell for cell in table.cells(scale) if cell.metric.needs_test], scale.name)
    return replace(
        table,
        columns=tuple(replace(c, header=c.scaled_headers.get(scale.name, c.header)) for c in table.columns),
        figure=table.scaled_figures.get(scale.name, table.figure),
        notes=tuple(dict.fromkeys(notes)),
    )


def scale_notes(cells: Sequence[Cell], scale: str) -> list[str]:
    notes = []
    if same := same_runs(cells):
        notes.append(f"Rows that are one run at the scale `{scale}`, and several in the paper: {same}.")
    for reason in dict.fromkeys(cell.left_out for cell in cells if cell.left_out):
        rows = dict.fromkeys(in_words(cell.row) for cell in cells if cell.left_out == reason)
        which = "; ".join(rows) if any(cell.run is not None for cell in cells) else "all rows"
        notes.append(f"Left out at the scale `{scale}`: {which}: {reason}.")
    return notes


def same_runs(cells: Sequence[Cell]) -> str:
    """Groups of rows whose runs differ at the paper's size alone."""
    rows: dict[tuple[str, str, str], dict[str, RunConfig]] = {}
    for cell in cells:
        if cell.run is not None and cell.paper_run is not None:
            same = rows.setdefault((cell.column.key, cell.run.train_id, cell.run.eval_id), {})
            same[in_words(cell.row)] = cell.paper_run
    groups = (names for names in rows.values() if any(run != next(iter(names.values())) for run in names.values()))
    return "; ".join(dict.fromkeys(" and ".join(f"“{name}”" for name in names) for names in groups))


def in_words(row: Row) -> str:
    return ", ".join(map(label_text, row.labels))
