"""Footer of a report: protocols, counts, hardware, versions and deviations, from configs and results."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from experiments.spec.edits import brief, changed_fields
from experiments.spec.metrics import Computed, Measured
from experiments.spec.run import RunConfig
from experiments.spec.table import Cell, Table, one_line
from reports.pages.labels import row_names
from reports.pages.protocols import Protocol, protocols_of
from reports.pages.sources import find_measurement
from runner.measure.computed_values import computed
from runner.measure.memory import saved_for_backward
from runner.store.acceptance import BATCH_SPLITS
from runner.store.provenance import joined, separate, sessions
from runner.store.store import RunStore

EXECUTED, SAVED = "executed", "saved_for_backward"  # names of computed values
RECIPE = ("optim", "objective")  # fields of a run that differ between kinds of training


class Result(NamedTuple):
    """Metrics of a finished test. `cell` is the name of the cell that shows it."""

    cell: str
    train_id: str
    metrics: dict


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts about the numbers of a report.

    Args:
        unit: plural noun for the items of the data sets.
        generated, given: data sets of the runs for which generated stand-ins are read, and those read as given with
            --data.
        views: test protocols of the data sets.
        data: text with the fingerprint of each data set.
        official_sizes: numbers of items of the published test splits, by data set.
        items: data set, "evaluated / failed / missing", and the cells with these counts (empty: all).
        replaced: data set, number of unreadable training items, and the cells with this number (empty: all).
        batches: data set, "devices × items at a time × accumulation" of its trainings, and the cells (empty: all).
        versions: package and version; "a or b" if results differ.
        changes: changes of the paper's runs by scale and overrides: dotted path and "before → after".
        conditions: sentences on the conditions of measurements.
        costs: sentences on the cost of this implementation.
        measurements: run and kind of each measurement in the report.
        deviations: deviations of the results from the paper other than the scale, and the notes of the table.
    """

    unit: str
    generated: tuple[str, ...]
    given: tuple[str, ...]
    views: tuple[Protocol, ...]
    items: tuple[tuple[str, str, tuple[str, ...]], ...]
    replaced: tuple[tuple[str, str, tuple[str, ...]], ...]
    batches: tuple[tuple[str, str, tuple[str, ...]], ...]
    hardware: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    commits: tuple[str, ...]
    changes: tuple[tuple[str, str], ...]
    conditions: tuple[str, ...]
    costs: tuple[str, ...]
    measurements: tuple[tuple[str, str], ...]
    deviations: tuple[str, ...]
    data: tuple[str, ...] = ()
    official_sizes: Mapping[str, int] = field(default_factory=dict)


class DataNames(NamedTuple):
    """Data sets of a table, see `Facts`."""

    unit: str
    generated: tuple[str, ...]
    given: tuple[str, ...]


def data_names(table: Table, cells: Iterable[Cell]) -> DataNames:
    """Data sets of the tested cells of a table."""
    runs = [cell.run for cell in cells if cell.tested and cell.run is not None]
    bases = [part.base for part in (*table.columns, *table.rows) if part.base is not None]
    units = {run.data.dataset.unit for run in runs or bases}  # bases if no cell has a run, as in quoted rows
    datasets = [run.data.dataset for run in runs]
    return DataNames(
        unit=units.pop() if len(units) == 1 else "items",
        generated=_distinct(dataset.name for dataset in datasets if dataset.is_replaced),
        given=_distinct(dataset.name for dataset in datasets if not dataset.is_replaced),
    )


def facts_of(
    table: Table, cells: Iterable[Cell], results: list[Result], store: RunStore, *, overridden: bool = False
) -> Facts:
    """Facts about cells of a table and their results.

    Args:
        overridden: whether the runs have overrides, so that the costs of the paper's models are not theirs.
    """
    cells = tuple(cells)
    tested = [cell for cell in cells if cell.tested]
    measurements = [
        (cell, metric) for cell in cells if isinstance(metric := cell.metric, Measured) and cell.paper_run is not None
    ]
    return Facts(
        **data_names(table, cells)._asdict(),
        views=protocols_of(table, tested),
        items=_by_data_set(results, _items),
        replaced=_by_data_set(_trained(tested, results), _replaced),
        batches=_by_data_set([r for r in results if r.metrics.get(BATCH_SPLITS)], _batches),
        hardware=_distinct(_hardware(result.metrics) for result in results),
        versions=_versions(results),
        commits=_commits(results),
        changes=_changes(tested),
        conditions=tuple(_conditions(table, measurements, store)),
        costs=(*([] if overridden else _executed(table, cells)), *_saved(table, measurements)),
        measurements=tuple(
            (cell.paper_run.train_id, metric.kind)
            for cell, metric in measurements
            if cell.paper_run and find_measurement(cell.paper_run.train_id, metric.kind, store)
        ),
        deviations=(*_precision(tested, results), *_released(results), *_released_starts(results), *table.notes),
    )


def _executed(table: Table, cells: tuple[Cell, ...]) -> list[str]:
    """GFLOPs of this implementation, for columns that count those of the published formulation."""
    names = row_names(table)
    counts = {
        cell.row.key: f"{names[cell.row.key]}: {computed(EXECUTED, metric.executed, cell.paper_run):.1f}"
        for cell in cells
        if isinstance(metric := cell.metric, Computed) and metric.executed and cell.paper_run is not None
    }
    if not counts:
        return []
    return ["GFLOPs count the published formulation. Ours executes, for the same result: " + "; ".join(counts.values())]


def _conditions(table: Table, measurements: list[tuple[Cell, Measured]], store: RunStore) -> list[str]:
    """Conditions of measurements. If they differ within a kind, each is followed by its rows."""
    names = row_names(table)
    rows: dict[str, dict[tuple[str, str], list[str]]] = {}  # kind -> conditions and session -> rows
    for cell, metric in measurements:
        if cell.paper_run and (found := find_measurement(cell.paper_run.train_id, metric.kind, store)):
            r = found[0]
            count = r["batch_size"]
            items = f"{count:,} {cell.paper_run.data.size.kind}{'' if count == 1 else 's'}"
            rounds = r.get("rounds", 0)
            conditions = (
                f"{metric.sentence} {items} in {r['precision']} on {r['hardware']}, torch {r['versions']['torch']}, "
                f"commit {r['commit']}"
                + ("; one round" if rounds == 1 else f"; median of {rounds} rounds" if rounds else "")
            )
            session = f", session of {r['session']}" if "session" in r else ""
            rows.setdefault(metric.kind, {}).setdefault((conditions, session), []).append(names[cell.row.key])
    return [
        conditions if len(rows_of_kind) == 1 else f"{conditions}{session}: {'; '.join(_distinct(shown))}"
        for rows_of_kind in rows.values()
        for (conditions, session), shown in rows_of_kind.items()
    ]


def _saved(table: Table, measurements: list[tuple[Cell, Measured]]) -> list[str]:
    """Size of the tensors saved for the backward pass, for columns of memory. It is computed without a GPU."""
    names = row_names(table)
    found = [(cell, cell.paper_run) for cell, metric in measurements if cell.paper_run and metric.kind == "memory"]
    runs_of_row: dict[str, set[str]] = {}
    for cell, run in found:
        runs_of_row.setdefault(cell.row.key, set()).add(run.train_id)
    saved: dict[str, str] = {}
    for cell, run in found:
        header = f" ({one_line(cell.column.header)})" if len(runs_of_row[cell.row.key]) > 1 else ""
        saved[f"{names[cell.row.key]}{header}"] = gigabytes(int(computed(SAVED, saved_for_backward, run)))
    if not saved:
        return []
    kind = found[0][1].data.size.kind
    values = "; ".join(f"{name}: {value}" for name, value in saved.items())
    return [f"Saved for backward, GB for one {kind} in float32, not the printed peak. {values}"]


def gigabytes(num_bytes: int) -> str:
    """Size in units of 10^9 bytes, with two digits or more."""
    return f"{num_bytes / 1e9:.2f}" if num_bytes >= 1e8 else f"{num_bytes / 1e9:.2g}"


def _items(metrics: dict) -> str:
    """Numbers of evaluated, failed and missing items."""
    return " / ".join(str(metrics["videos"][name]) for name in ("evaluated", "failed", "missing"))


def _replaced(metrics: dict) -> str:
    """Number of training items that were replaced because they could not be read."""
    return str(metrics.get("replaced_in_training", "unknown"))


def _batches(metrics: dict) -> str:
    """Splits of the global batch. Those after the first have their first step."""
    return ", then ".join(
        f"{split['devices']} × {split['micro_batch']} × {split['accumulation']}"
        + (f" from step {split['from_step']}" if split["from_step"] else "")
        for split in metrics[BATCH_SPLITS]
    )


def _trained(tested: list[Cell], results: list[Result]) -> list[Result]:
    """Results of weights that were trained for them, as opposed to released weights and runs without training."""
    trained = {run.train_id for cell in tested for run in cell.runs if run.optim is not None}
    return [r for r in results if r.train_id in trained and "released_weights" not in r.metrics]


def _by_data_set(results: list[Result], text_of: Callable[[dict], str]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Distinct texts of the metrics of each data set. If they differ, each is followed by its cells."""
    counts: dict[str, dict[str, list[str]]] = {}
    for cell, _, metrics in results:
        shown = counts.setdefault(metrics["data"]["name"], {}).setdefault(text_of(metrics), [])
        if cell not in shown:
            shown.append(cell)
    return tuple(
        (name, text, tuple(shown) if len(texts) > 1 else ())
        for name, texts in sorted(counts.items())
        for text, shown in sorted(texts.items())
    )


def _commits(results: list[Result]) -> tuple[str, ...]:
    texts = (session["commit"] for result in results for session in sessions(result.metrics))
    return _distinct(commit for text in texts for commit in separate(text))


def _hardware(metrics: dict) -> str:
    """Hardware of a test, and that of its training and of its parents' trainings if it is another one."""
    *trained, tested = (session["hardware"] for session in sessions(metrics))
    return tested if {*trained} <= {tested} else f"{joined(trained)} (trained), {tested} (tested)"


def _versions(results: list[Result]) -> tuple[tuple[str, str], ...]:
    versions: dict[str, list[str]] = {}
    for session in (session for result in results for session in sessions(result.metrics)):
        for name, version in session["versions"].items():
            versions.setdefault(name, []).extend(separate(str(version)))
    return tuple((name, " or ".join(_distinct(found))) for name, found in versions.items())


def _precision(tested: list[Cell], results: list[Result]) -> list[str]:
    """Notes on results in another precision than that of the recipe, e.g. on a CPU."""
    precisions = {run.train_id: run.optim.precision for cell in tested for run in cell.runs if run.optim is not None}
    notes = {
        f"{'Tested' if 'released_weights' in result.metrics else 'Trained and tested'} in {used} precision "
        f"instead of {precisions[result.train_id]}."
        for result in results
        if result.train_id in precisions and (used := result.metrics.get("precision")) != precisions[result.train_id]
    }
    return sorted(notes)


def _released(results: list[Result]) -> list[str]:
    """Released files that were tested, with their cells."""

    def text(file: dict) -> str:
        warnings = "; ".join(file.get("warnings", []))
        return f"Released weights {file['file']}, sha256 {file['sha256'][:12]}" + (f" ({warnings})" if warnings else "")

    files = ((result, result.metrics["released_weights"]) for result in results if "released_weights" in result.metrics)
    return _with_cells((result, text(file)) for result, file in files)


def _released_starts(results: list[Result]) -> list[str]:
    """Released files that initialised runs in place of runs made here, with their cells."""

    def text(start: dict) -> str:
        part = f" its part '{start['part']}'" if start["part"] else ""
        return f"Started{part} from released weights {start['file']} (sha256 {start['sha256'][:12]})"

    starts = ((result, start) for result in results for start in result.metrics.get("started_from", []))
    return _with_cells((result, text(start)) for result, start in starts)


def _with_cells(texts: Iterable[tuple[Result, str]]) -> list[str]:
    """Distinct texts, each with the cells of its results."""
    cells: dict[str, list[str]] = {}
    for result, text in texts:
        cells.setdefault(text, []).append(result.cell)
    return [f"{text}: {'; '.join(_distinct(shown))}." for text, shown in cells.items()]


def _changes(tested: list[Cell]) -> tuple[tuple[str, str], ...]:
    """Changes of the paper's runs by scale and overrides. Of changes within parents, only those of recipes count."""
    changes: dict[str, list[str]] = {}
    for cell in tested:
        assert cell.paper_run is not None and cell.run is not None
        for versions in _with_ancestors(cell.paper_run, cell.run):
            for path, (before, after) in changed_fields(versions.before, versions.after).items():
                root = path.partition(".")[0]
                is_shown = root in RECIPE or not versions.is_ancestor
                if brief(before) != brief(after) if root == "parents" else is_shown:
                    changes.setdefault(path, []).append(f"{brief(before)} → {brief(after)}")
    return tuple((path, " or ".join(_distinct(found))) for path, found in sorted(changes.items()))


class _Versions(NamedTuple):
    """A run at the paper's size and at the scale of a report. `is_ancestor`: whether no cell shows it."""

    before: RunConfig
    after: RunConfig
    is_ancestor: bool = False


def _with_ancestors(before: RunConfig, after: RunConfig) -> Iterator[_Versions]:
    """Versions of a run and of its ancestors. Parents that the scale adds have no version at the paper's size."""
    yield _Versions(before, after)
    scaled = {parent.name: parent.run for parent in after.parents}
    for parent in before.parents:
        if parent.name in scaled:
            yield from (found._replace(is_ancestor=True) for found in _with_ancestors(parent.run, scaled[parent.name]))


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))
