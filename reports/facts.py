"""The facts that stand under a report, read off the runs' configs and the results themselves."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from experiments.cost import executed_gflops
from experiments.memory import saved_for_backward
from experiments.run import RunConfig, changed_fields
from experiments.store import RunStore
from experiments.table import Cell, Table


class Result(NamedTuple):
    """A finished test: the cell that shows it, as row.column, and what it wrote."""

    cell: str
    train_id: str
    metrics: dict


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a reader must know about the numbers: stands under the table.

    Args:
        views: data set and its test protocol, "10 × 3".
        videos: data set, "evaluated / failed / missing" and the cells that this holds for (empty: all).
        versions: package and version, where results differ "a or b".
        changes: what the scale changes in the paper's runs: dotted path and "before → after".
        costs: what our formulation costs beside the published one that the columns count.
        measured_memory: runs whose peak memory stands in a column.
        deviations: how the results differ from the paper beyond the scale, and the table's notes.
    """

    views: tuple[tuple[str, str], ...]
    videos: tuple[tuple[str, str, tuple[str, ...]], ...]
    hardware: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    commits: tuple[str, ...]
    changes: tuple[tuple[str, str], ...]
    costs: tuple[str, ...]
    measured_memory: tuple[RunConfig, ...]
    deviations: tuple[str, ...]


def facts_of(table: Table, cells: Iterable[Cell], results: list[Result], store: RunStore) -> Facts:
    """The facts about some cells of a table and the results that they show."""
    cells = tuple(cells)
    memory = [cell for cell in cells if cell.measures("memory")]
    trained = [cell for cell in cells if cell.trained]
    runs = [cell.run for cell in trained if cell.run is not None]
    views = {(r.data.dataset.name, f"{r.evaluation.views} × {r.evaluation.crops}") for r in runs}
    return Facts(
        views=tuple(sorted(views)),
        videos=_videos(results),
        hardware=_distinct(str(result.metrics.get("hardware", "unknown")) for result in results),
        versions=_versions(results),
        commits=_distinct(str(result.metrics.get("commit", "unknown")) for result in results),
        changes=_changes(trained),
        costs=(*_executed(cells), *_peaks(memory, store), *_saved(memory)),
        measured_memory=tuple(
            cell.paper_run for cell in memory if cell.paper_run and store.memory(cell.paper_run.train_id)
        ),
        deviations=(*_precision(trained, results), *_released(results), *_released_starts(results), *table.notes),
    )


def _executed(cells: tuple[Cell, ...]) -> list[str]:
    """GFLOPs of our formulation, where a column counts those of the published one."""
    counts = {
        cell.row.key: f"{cell.row.key} {executed_gflops(cell.paper_run):.1f}"
        for cell in cells
        if cell.measures("gflops", "gflops_views") and cell.paper_run is not None
    }
    if not counts:
        return []
    return ["GFLOPs count the published formulation; ours executes, for the same result: " + ", ".join(counts.values())]


def _peaks(memory: list[Cell], store: RunStore) -> tuple[str, ...]:
    """How peak memory was measured; where that differs, for which rows."""
    rows: dict[str, list[str]] = {}
    for cell in memory:
        if cell.paper_run and (r := store.memory(cell.paper_run.train_id)):
            how = (
                f"Peak CUDA memory of a training step of {r['batch_size']} clips in {r['precision']} "
                f"on {r['hardware']}, torch {r['versions']['torch']}, commit {r['commit']}"
            )
            rows.setdefault(how, []).append(cell.row.key)
    return tuple(how if len(rows) == 1 else f"{how}: {', '.join(_distinct(keys))}" for how, keys in rows.items())


def _saved(memory: list[Cell]) -> list[str]:
    """What the backward pass keeps, which needs no GPU to know."""
    saved = ", ".join(
        f"{cell.row.key} {saved_for_backward(cell.paper_run) / 1e9:.2f}" for cell in memory if cell.paper_run
    )
    return [f"Saved for backward, GB for one clip in float32, not the printed peak: {saved}"] if saved else []


def _videos(results: list[Result]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Evaluated, failed and missing videos a data set; where cells differ, each count with its cells."""
    counts: dict[str, dict[str, list[str]]] = {}
    for cell, _, metrics in results:
        videos = metrics["videos"]
        text = f"{videos['evaluated']} / {videos['failed']} / {videos['missing']}"
        shown = counts.setdefault(metrics["data"]["name"], {}).setdefault(text, [])
        if cell not in shown:
            shown.append(cell)
    return tuple(
        (name, text, tuple(shown) if len(texts) > 1 else ())
        for name, texts in sorted(counts.items())
        for text, shown in sorted(texts.items())
    )


def _versions(results: list[Result]) -> tuple[tuple[str, str], ...]:
    versions: dict[str, list[str]] = {}
    for result in results:
        for name, version in result.metrics.get("versions", {}).items():
            versions.setdefault(name, []).append(str(version))
    return tuple((name, " or ".join(_distinct(found))) for name, found in versions.items())


def _precision(trained: list[Cell], results: list[Result]) -> list[str]:
    """Where results were made in another precision than the recipe states, as on a CPU."""
    asked = {run.train_id: run.optim.precision for cell in trained for run in cell.runs}
    notes = {
        f"{'Tested' if 'released_weights' in result.metrics else 'Trained and tested'} in {used} precision "
        f"instead of {asked[result.train_id]}."
        for result in results
        if (used := result.metrics.get("precision")) != asked[result.train_id]
    }
    return sorted(notes)


def _released(results: list[Result]) -> list[str]:
    """Which files of the authors were tested, and in which cells."""

    def said(file: dict) -> str:
        warning = f" ({file['values']})" if "values" in file else ""
        return f"Released weights {file['file']}, sha256 {file['sha256'][:12]}{warning}"

    return _by_file(results, "released_weights", said)


def _released_starts(results: list[Result]) -> list[str]:
    """Where a run was trained from the authors' weights in place of the run here that it starts from."""

    def said(file: dict) -> str:
        return f"Started from released weights {file['file']} (sha256 {file['sha256'][:12]})"

    return _by_file(results, "started_from", said)


def _by_file(results: list[Result], name: str, said: Callable[[dict], str]) -> list[str]:
    """What is said of each file that results hold under a name, with their cells."""
    cells: dict[str, list[str]] = {}
    for result in results:
        if (file := result.metrics.get(name)) is not None:
            cells.setdefault(said(file), []).append(result.cell)
    return [f"{text}: {', '.join(_distinct(shown))}." for text, shown in cells.items()]


def _changes(trained: list[Cell]) -> tuple[tuple[str, str], ...]:
    """What the scale and the overrides change in the paper's runs; where a run starts from is changed alike."""
    changes: dict[str, list[str]] = {}
    for cell in trained:
        assert cell.paper_run is not None and cell.run is not None
        for path, (before, after) in changed_fields(cell.paper_run, cell.run).items():
            if not path.startswith("start_from."):
                changes.setdefault(path, []).append(f"{_brief(before)} → {_brief(after)}")
    return tuple((path, " or ".join(_distinct(found))) for path, found in sorted(changes.items()))


def _brief(value: object) -> str:
    if value is None or isinstance(value, bool | int | float | str):
        return str(value)
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_brief, value)) + ")"
    return type(value).__qualname__.removesuffix(".Config")


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))
