"""Names of the classes of a run, from a file, its data set or the record of its training; runs on videos of a list."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from data.annotations import file_text
from data.config import DataConfig
from data.datasets.folders import refuse_duplicates
from data.datasets.own_videos import ListFile, UnlabelledVideos
from data.errors import DataError, number_of
from data.stand_ins.stand_in import generated_root
from experiments.spec.run import RunConfig
from interface.targets import Targets
from runner.machine.resources import Resources
from runner.store.data_record import data_record
from runner.store.run_directory import RunDirectory

ClassNames = Mapping[str, tuple[str | None, ...]]  # by kind of label; None for a class without a name
Videos = Path | Sequence[Path]  # a list file of videos with labels; or files without labels, and folders of such files


def class_names(
    data: DataConfig, resources: Resources, directory: RunDirectory, file: Path | None = None
) -> ClassNames:
    """Names of the classes of a run.

    Args:
        directory: directory of the run. The names in the record of its training come first.
        file: file of the names, one a line, all kinds of label one after the other.
    """
    if file is not None:
        return by_kind(names_in(file, data.targets), data.targets)
    training = data_record(directory)
    recorded = by_kind(training.class_names if training is not None else (), data.targets)
    return recorded if has_names(recorded) else by_kind(stored_names(data, resources), data.targets)


def has_names(names: ClassNames) -> bool:
    return any(name is not None for of_kind in names.values() for name in of_kind)


def stored_names(data: DataConfig, resources: Resources) -> tuple[str, ...]:
    """Names that come with the data set; empty if it is not on this machine, or has no usable file of names."""
    stand_in = data.dataset.stand_in
    root = generated_root(stand_in) if stand_in is not None else resources.named_root(data.dataset)
    try:
        return data.dataset.names_of_classes(root)
    except DataError:
        return ()


def names_in(file: Path, targets: Targets) -> tuple[str, ...]:
    """Names in a file, one a line."""
    names = tuple(line.strip() for line in file_text(file).splitlines() if line.strip())
    if len(names) != targets.num_outputs:
        raise DataError(
            f"{file}: it has {number_of(len(names), 'names')}, one a line; this row has {targets.num_outputs} classes"
        )
    for of_kind in by_kind(names, targets).values():
        refuse_duplicates(file, (name for name in of_kind if name is not None), "class")
    return names


def by_kind(names: tuple[str, ...], targets: Targets) -> ClassNames:
    """Names by kind of label. Readers name a class without a name by its kind and number, e.g. "class 3"."""
    if len(names) != targets.num_outputs:
        return {kind: (None,) * count for kind, count in targets.classes.items()}
    return {
        kind: tuple(None if name == f"{kind} {n}" else name for n, name in enumerate(of_kind))
        for kind, of_kind in targets.by_kind(names).items()
    }


def run_on_videos(run: RunConfig, videos: Videos, names: ClassNames) -> tuple[RunConfig, Path]:
    """The same run on other videos in place of its data set, and their root. Weights and results are those of `run`.

    The names of the classes may stand in a list in place of numbers.
    """
    if not isinstance(videos, Path):
        files = UnlabelledVideos.Config.of(videos, run.data.targets)
        return replace(run, data=run.data.with_videos(files)), Path()
    if not videos.is_file():
        labels = " ".join(run.data.targets.label_names)
        raise DataError(f"--list {videos}: there is no such file; it needs one 'path {labels}' per line")
    flat = [name or f"{kind} {number}" for kind, of_kind in names.items() for number, name in enumerate(of_kind)]
    listed = ListFile.Config(predicted=run.data.targets, class_names=tuple(flat) if has_names(names) else ())
    return replace(run, data=run.data.with_videos(listed)), videos
