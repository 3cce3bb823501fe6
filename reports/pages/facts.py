"""Facts about the runs of a report: their data sets, and what the scale changes in them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from experiments.spec.edits import brief, changed_fields
from experiments.spec.run import RunConfig
from experiments.spec.table import Cell, Table

RECIPE = ("optim", "objective")  # fields of a run that differ between kinds of training


@dataclass(frozen=True, kw_only=True)
class Facts:
    unit: str
    """Plural noun for the items of the data sets."""
    generated: tuple[str, ...]
    """Data sets of which generated stand-ins are read."""
    given: tuple[str, ...]
    """Data sets that are read as given with --data."""
    changes: tuple[tuple[str, str], ...]
    """Changes of the paper's runs by scale and overrides: dotted path and "before → after"."""
    notes: tuple[str, ...] = ()
    """Notes of the table, and on the results."""
    of_small_models: str = ""
    """Sentences on smaller models on real data."""


def facts_of(table: Table, cells: Iterable[Cell], notes: Iterable[str] = ()) -> Facts:
    tested = [cell for cell in cells if cell.tested]
    runs = [cell.run for cell in tested if cell.run is not None]
    bases = [part.base for part in (*table.columns, *table.rows) if part.base is not None]
    units = {run.data.dataset.unit for run in runs or bases}  # bases if no cell has a run, as in quoted rows
    datasets = [run.data.dataset for run in runs]
    return Facts(
        unit=units.pop() if len(units) == 1 else "items",
        generated=_distinct(dataset.name for dataset in datasets if dataset.reads_stand_in),
        given=_distinct(dataset.name for dataset in datasets if not dataset.reads_stand_in),
        changes=_changes(tested),
        notes=tuple(notes),
    )


def _changes(tested: list[Cell]) -> tuple[tuple[str, str], ...]:
    """Changes of the paper's runs by scale and overrides. Of changes within parents, only those of recipes count."""
    changes: dict[str, list[str]] = {}
    for cell in tested:
        assert cell.paper_run is not None and cell.run is not None
        for before, after, is_ancestor in _with_ancestors(cell.paper_run, cell.run):
            for path, (old, new) in changed_fields(before, after).items():
                root = path.partition(".")[0]
                is_shown = root in RECIPE or not is_ancestor
                if brief(old) != brief(new) if root == "parents" else is_shown:
                    changes.setdefault(path, []).append(f"{brief(old)} → {brief(new)}")
    return tuple((path, " or ".join(_distinct(found))) for path, found in sorted(changes.items()))


def _with_ancestors(
    before: RunConfig, after: RunConfig, *, is_ancestor: bool = False
) -> Iterator[tuple[RunConfig, RunConfig, bool]]:
    """A run and its ancestors, each at the paper's size, at the scale, and whether it is an ancestor.

    Parents that the scale adds have no version at the paper's size.
    """
    yield before, after, is_ancestor
    scaled = {parent.name: parent.run for parent in after.parents}
    for parent in before.parents:
        if parent.name in scaled:
            yield from _with_ancestors(parent.run, scaled[parent.name], is_ancestor=True)


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))
