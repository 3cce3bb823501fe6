"""What started a run: row, scale, seed and overrides, and the name of these, in its folder. Imports no PyTorch."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, structs

from experiments.spec.names import OWN_DATA
from runner.machine.files import StoreError, read_record, write_record
from runner.machine.messages import say_once
from runner.store.folders import STARTS, run_folders


class Start(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What started a run. A set of overrides has one entry in its folder."""

    cell: str = ""
    """Table, row and column after which the run is named, and the names of the parents that lead to it."""
    scale: str
    seed: int = 0
    overrides: tuple[str, ...] = ()
    name: str = ""
    """Name that the user gives the overrides. It is not part of ids."""
    metric: str = ""
    """Headline of its tests."""
    date: str = ""
    """Time of the start, in UTC."""

    @property
    def row(self) -> str:
        return self.cell.partition(".")[0]

    @property
    def table(self) -> str:
        return self.cell.partition(":")[0]


class Starts(Struct, frozen=True):
    starts: tuple[Start, ...]


def read_starts(file: Path) -> tuple[Start, ...]:
    """What started a run, the first one first; empty for runs of earlier versions. A damaged file counts as none."""
    try:
        found = read_record(file, Starts)
    except StoreError as error:
        say_once(f"note: {error}")
        return ()
    return () if found is None else found.starts


def add_start(file: Path, start: Start) -> None:
    """Record what starts a run. Of a set of overrides that is recorded, the name and the place of own videos change."""

    def settings(one: Start) -> set[str]:
        return {OWN_DATA if override.startswith(OWN_DATA) else override for override in one.overrides}

    starts = read_starts(file)
    same = next((one for one in starts if settings(one) == settings(start)), None)
    if same is None:
        write_record(file, Starts((*starts, start)))
        return
    overrides = same.overrides if {*same.overrides} == {*start.overrides} else start.overrides
    now = structs.replace(same, name=start.name or same.name, overrides=overrides)
    if now != same:
        write_record(file, Starts(tuple(now if one is same else one for one in starts)))


def name_overrides(root: Path, overrides: tuple[str, ...], name: str) -> None:
    """Give the runs of a directory that some overrides started the name of these."""
    for folder in run_folders(root).values():
        starts = read_starts(folder / STARTS)
        named = tuple(structs.replace(s, name=name) if {*s.overrides} == {*overrides} else s for s in starts)
        if named != starts:
            write_record(folder / STARTS, Starts(named))


def name_of(overrides: tuple[str, ...], named: Mapping[str, tuple[str, ...]]) -> str:
    """Name of overrides among all that have one; empty if they have none."""
    return next((name for name, of in named.items() if {*of} == {*overrides}), "")


def named_overrides(root: Path) -> dict[str, tuple[str, ...]]:
    """Overrides of the runs in a directory by the names that the user gave them."""
    starts = (start for folder in run_folders(root).values() for start in read_starts(folder / STARTS))
    return {start.name: start.overrides for start in starts if start.name}
