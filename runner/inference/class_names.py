"""Names of the classes of a run: from a file that the user names, its data set, or the record of its training."""

from collections.abc import Mapping
from pathlib import Path

from data.config import DataConfig
from data.datasets.annotations import file_text
from data.datasets.folders import refuse_duplicates
from data.errors import DataError
from data.stand_ins.stand_in import generated_root
from interface.targets import Targets
from runner.machine.resources import Resources
from runner.store.data_record import data_record
from runner.store.run_directory import RunDirectory

ClassNames = Mapping[str, tuple[str | None, ...]]  # by kind of label; None for a class without a name


def class_names(
    data: DataConfig, resources: Resources, directory: RunDirectory, file: Path | None = None
) -> ClassNames:
    """Names of the classes by kind of label; None for a class without a name.

    Args:
        directory: directory of the run. The names in the record of its training come first.
        file: file of the names, one a line, all kinds of label one after the other.
    """
    if file is not None:
        return by_kind(names_in(file, data.targets), data.targets)
    training = data_record(directory)
    recorded = training.class_names if training is not None else ()
    return by_kind(recorded or stored_names(data, resources), data.targets)


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
    if len(names) != (count := sum(targets.classes.values())):
        raise DataError(f"{file}: it has {len(names)} names, one a line; this row has {count} classes")
    for of_kind in by_kind(names, targets).values():
        refuse_duplicates(file, (name for name in of_kind if name is not None), "class")
    return names


def flat_names(names: ClassNames) -> tuple[str, ...]:
    """All names one after the other, those without a name by kind and number; empty if none has a name."""
    if not any(name is not None for of_kind in names.values() for name in of_kind):
        return ()
    return tuple(
        f"{kind} {n}" if name is None else name for kind, of_kind in names.items() for n, name in enumerate(of_kind)
    )


def by_kind(names: tuple[str, ...], targets: Targets) -> ClassNames:
    """Names by kind of label. Readers name a class without a name by its kind and number, e.g. "class 3"."""
    found: dict[str, tuple[str | None, ...]] = {}
    rest = names if len(names) == sum(targets.classes.values()) else ()
    for kind, count in targets.classes.items():
        of_kind, rest = rest[:count] or (None,) * count, rest[count:]
        found[kind] = tuple(None if name == f"{kind} {n}" else name for n, name in enumerate(of_kind))
    return found
