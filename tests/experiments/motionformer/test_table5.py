"""Table 5 of Motionformer: recipes of its tasks, costs, and notes."""

import pytest

from experiments.motionformer.table5 import (
    COLUMNS,
    IMAGE,
    LISTOPS,
    PATHFINDER,
    PROTOTYPES,
    RETRIEVAL,
    TABLE,
    TASKS,
    TEXT,
)
from experiments.spec.metrics import PeakMegabytes
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER, TINY, Scale

LONG = "orthoformer-long"
OTHERS = [row.key for row in TABLE.rows if row.key != LONG]


@pytest.mark.parametrize(
    ("run", "length", "batch_size", "warmup", "steps", "every", "batches", "classes"),
    [
        (LISTOPS, 2048, 32, 1000, 5000, 50, 62, 10),
        (TEXT, 1024, 32, 8000, 20000, 500, 781, 2),
        (RETRIEVAL, 4096, 32, 800, 30000, 300, 565, 2),
        (IMAGE, 1024, 256, 175, 35000, 175, 20, 10),
        (PATHFINDER, 1024, 256, 312, 62400, 312, 312, 2),
    ],
    ids=list(TASKS),
)
def test_recipes_are_those_of_the_repository(
    run: RunConfig, length: int, batch_size: int, warmup: int, steps: int, every: int, batches: int, classes: int
) -> None:
    optim = run.optim
    assert optim is not None
    assert (run.data.size.length, run.data.targets.classes["class"]) == (length, classes)  # pyright: ignore
    assert (optim.batch_size, optim.steps, optim.validate_every, optim.validation_batches) == (
        batch_size, steps, every, batches)  # fmt: skip
    assert optim.schedule.warmup == warmup  # pyright: ignore[reportAttributeAccessIssue]
    assert (optim.lr, optim.weight_decay, optim.keep, optim.clip_norm) == (1e-4, 0.0, "best", None)
    run.check()


@pytest.mark.parametrize("scale", [PAPER, TINY])
def test_every_task_has_a_run_of_its_own_for_each_row(scale: Scale) -> None:
    runs = [cell.run for cell in TABLE.cells(scale, rows=OTHERS) if cell.tested]
    assert len({run.train_id for run in runs if run}) == len(runs) == 30


def test_the_longer_schedule_is_that_of_listops_alone() -> None:
    long, short = (
        {cell.column.key: cell.run for cell in TABLE.cells(PAPER, rows=[row]) if cell.tested}
        for row in (LONG, "orthoformer-64")
    )
    assert [column for column, run in long.items() if run != short[column]] == ["listops"]
    assert long["listops"] is not None and long["listops"].optim is not None and long["listops"].optim.steps == 10_000


def test_costs_equal_the_printed_ones() -> None:
    column = next(column for column in COLUMNS if column.key == "gflops")
    for cell in TABLE.cells():
        if cell.column is column and cell.printed is not None and cell.paper_run is not None:
            assert f"{cell.metric.of(cell.paper_run):.2f}" == f"{cell.printed:.2f}"  # pyright: ignore


def test_memory_is_that_of_the_published_formulation_beside_ours() -> None:
    published, ours = (
        {cell.row.key: cell.paper_run for cell in TABLE.cells() if cell.column.key == key}
        for key in ("memory", "memory-ours")
    )
    formulations = {
        key: tuple(run[key].model.stores_map for run in (published, ours))  # pyright: ignore
        for key in ours
        if key != "first-token"
    }
    assert len(formulations) == 6 and set(formulations.values()) == {(True, False)}
    (claim,) = [claim for claim in TABLE.claims if claim.key == "M39"]
    assert {value.column for value in claim.cells} == {"memory"}
    metric = next(column.metric for column in COLUMNS if column.key == "memory")
    assert isinstance(metric, PeakMegabytes) and metric.batch_size == 16


def test_prototypes_are_those_of_the_names_of_the_rows() -> None:
    for cell in TABLE.cells():
        if cell.column.key == "listops" and cell.paper_run is not None and cell.row.key not in ("exact", LONG):
            name, _, number = cell.row.key.partition("-")
            if name == "first":
                continue
            assert PROTOTYPES.of(cell.paper_run) == (0 if name == "performer" else int(number))


def test_tiny_runs_have_short_sequences_and_small_approximations() -> None:
    for cell in TABLE.cells(TINY):
        if cell.tested and cell.run is not None:
            assert cell.run.data.size.length <= 256 and cell.run.data.dataset.reads_stand_in  # pyright: ignore
            cell.run.check()
