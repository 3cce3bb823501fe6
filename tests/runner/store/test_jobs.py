"""Jobs: the distinct tests of tables, their order, and their selection by column."""

from dataclasses import replace

import pytest

from experiments.motionformer.base import K400, SSV2
from experiments.spec.catalog import find
from experiments.spec.edits import evaluation, optim
from experiments.spec.metrics import GFLOPS, TOP1
from experiments.spec.run import Parent
from experiments.spec.scales import PAPER, TINY, Scale
from experiments.spec.table import Column, Row, Table, quoted, row
from runner.store.jobs import CellName, Job, jobs_of
from runner.store.starts import Start
from runner.store.store import RunStore
from tests.runner.experts import ENSEMBLE, PRETRAINED, SMALL_RECIPE
from tests.runner.experts import FUSED as EXPERTS_FUSED
from tests.runner.stored_metrics import write_result

T4 = "motionformer/table4"
FUSED = replace(SSV2, parents=(Parent(run=K400, part="spatial"), Parent(run=SSV2, part="temporal")))


def jobs(*names: str, scale: Scale = TINY, columns: list[str] | None = None) -> list[Job]:
    return jobs_of(find(list(names)), scale, [], (0,), columns)


def table(columns: tuple[Column, ...], *rows: Row) -> Table:
    return Table(name="p/t", caption="", source="", labels=("Model",), columns=columns, rows=rows)


def jobs_of_table(table: Table, seeds: tuple[int, ...] = (0,), columns: list[str] | None = None) -> list[Job]:
    return jobs_of([(table, None)], PAPER, [], seeds, columns)


def cells(job: Job) -> list[str]:
    return [*map(str, job.cells)]


TOP1_COLUMN = Column(key="top1", header="Top-1", metric=TOP1)


def test_a_run_in_several_tables_is_one_job() -> None:
    found = jobs("motionformer/*")
    assert len({(job.run.train_id, job.run.eval_id) for job in found}) == len(found)
    shared = [job for job in found if f"{T4}:trajectory.k400" in cells(job)]
    assert len(shared) == 1
    assert {"motionformer/table2a:trajectory-cubic.k400", "motionformer/table8:k400.eight-frames"} <= set(
        cells(shared[0])
    )


def test_quoted_rows_and_columns_without_tests_have_no_jobs() -> None:
    gflops = Column(key="gflops", header="GFLOPs", metric=GFLOPS, base=K400)
    assert jobs_of_table(table((gflops,), row("ours", ("",), paper=()))) == []
    assert jobs_of_table(table((TOP1_COLUMN,), quoted("other", ("",)))) == []


def test_several_parents_are_named_by_the_parts_that_they_initialise() -> None:
    found = {job.name: job for job in jobs_of_table(table((TOP1_COLUMN,), row("fused", ("",), base=FUSED, paper=())))}
    assert list(found) == ["p/t:fused.top1.spatial", "p/t:fused.top1.temporal", "p/t:fused.top1"]
    spatial, temporal, fused = found.values()
    assert (spatial.run, temporal.run, fused.run) == (K400, SSV2, FUSED)
    # K400 is also the parent of SSV2: both share one job.
    assert [one.full_cell for one in spatial.needed_by] == ["p/t:fused.top1", "p/t:fused.top1.temporal"]
    assert [one.full_cell for one in temporal.needed_by] == ["p/t:fused.top1"]
    assert not spatial.cells and not temporal.cells and fused.cells


def test_seeds_share_their_parents() -> None:
    found = jobs_of_table(table((TOP1_COLUMN,), row("ours", ("",), base=SSV2, paper=())), seeds=(0, 1))
    assert [job.name for job in found] == ["p/t:ours.top1.start", "p/t:ours.top1", "p/t:ours.top1 seed 1"]
    assert [job.run.seed for job in found] == [0, 0, 1]


def test_a_start_has_the_overrides_that_made_the_run_and_their_name() -> None:
    bases = {"ours": SSV2, "both": replace(FUSED, optim=None)}
    rows = (row(key, ("",), base=base, paper=()) for key, base in bases.items())
    call = Start(scale="paper", overrides=("optim.epochs=3",), name="short")
    found = jobs_of([(table((TOP1_COLUMN,), *rows), None)], PAPER, call.overrides, (0,))
    starts = {start.cell: (start.overrides, start.name) for start in (job.start(call) for job in found)}
    assert starts.pop("p/t:ours.top1.start") == ((), "")
    changed = ("p/t:ours.top1", "p/t:both.top1.spatial", "p/t:both.top1")  # ours is the other part, too
    assert starts == dict.fromkeys(changed, (call.overrides, call.name))


def test_a_parent_with_its_own_cell_is_named_after_the_cell() -> None:
    made = table((TOP1_COLUMN,), row("tuned", ("",), base=SSV2, paper=()), row("first", ("",), base=K400, paper=()))
    first, tuned = jobs_of_table(made)
    assert (first.name, cells(first), first.needed_by) == ("p/t:first.top1", ["p/t:first.top1"], [tuned])
    assert tuned.run == SSV2


def views(key: str, number: int, **edits: object) -> Column:
    edited = evaluation(views=number, **edits)
    return Column(key=key, header=key, metric=TOP1, base=K400, edits=edited)


def test_tests_of_a_run_are_in_descending_order_of_views() -> None:
    columns = (views("one", 1), views("ten", 10), views("stride", 5, stride=2), views("five", 5))
    made = table(columns, row("long", ("",), optim(epochs=50), paper=()), row("plain", ("",), paper=()))
    found = jobs_of_table(made)
    assert [job.cell for job in found] == [
        "long.ten", "long.stride", "long.five", "long.one", "plain.ten", "plain.stride", "plain.five", "plain.one",
    ]  # fmt: skip


def test_parents_stay_first_when_tests_are_ordered_by_views() -> None:
    parent = replace(K400, evaluation=replace(K400.evaluation, views=1))
    child = Column(key="child", header="", metric=TOP1, base=replace(SSV2, parents=(Parent(run=parent),)))
    found = jobs_of_table(table((views("one", 1), child, views("ten", 10)), row("plain", ("",), paper=())))
    assert [job.cell for job in found] == ["plain.ten", "plain.child", "plain.one"]
    assert [one.full_cell for one in found[2].needed_by] == ["p/t:plain.child"]  # its parent has the same protocol


def test_a_column_selects_only_its_runs() -> None:
    chosen = jobs(T4, columns=["k400"])
    assert [job.name for job in chosen] == [job.name for job in jobs(T4) if job.cell.endswith(".k400")]
    assert all(job.run.data.dataset.name == "kinetics400" for job in chosen)


def test_a_column_also_selects_the_parents_of_its_runs_without_their_cells() -> None:
    parent, ssv2 = jobs(f"{T4}:trajectory", scale=PAPER, columns=["ssv2"])
    assert cells(ssv2) == [f"{T4}:trajectory.ssv2"]
    assert [one.run for one in ssv2.run.parents] == [parent.run]
    assert not parent.cells and parent.needed_by == [ssv2]
    (alone,) = jobs(f"{T4}:trajectory", scale=PAPER, columns=["k400"])
    assert alone.run == parent.run and alone.needed_by == []


def test_a_run_in_several_tables_is_named_after_a_selected_cell_of_a_column_that_one_of_them_has() -> None:
    shared = jobs(T4, "motionformer/table6b:mformer", columns=["top1"])
    assert [job.name for job in shared] == ["motionformer/table6b:mformer.top1"]


@pytest.mark.parametrize("column", ["gflops", "k40", ""])
def test_the_error_for_a_column_without_runs_contains_those_with_runs(column: str) -> None:
    with pytest.raises(ValueError, match=f"--column '{column}': it has no runs; columns with runs: k400, ssv2"):
        jobs(T4, columns=["k400", column])


def test_imported_weights_and_what_needs_it_finish_a_prerequisite_but_not_a_cell(store: RunStore) -> None:
    child = Job(SSV2, CellName("p/t", "a", "top1"), 0, cells=[CellName("p/t", "a", "top1")])
    parent = Job(K400, CellName("p/t", "a", "top1"), 0, ("start",), needed_by=[child])
    shown = Job(K400, CellName("p/t", "b", "top1"), 0, cells=[CellName("p/t", "b", "top1")])
    directory = store.run(K400.train_id)
    directory.released.parent.mkdir(parents=True)
    assert not parent.finished(store, eval_only=False)
    directory.released.touch()
    assert parent.finished(store, eval_only=False)
    assert not shown.finished(store, eval_only=False)  # cells show only results of trained weights
    directory.weights.touch()
    assert not parent.finished(store, eval_only=False)  # trained weights need a test
    write_result(store, SSV2)
    assert parent.finished(store, eval_only=False) and not shown.finished(store, eval_only=False)


EXPERTS = table(
    (TOP1_COLUMN, replace(TOP1_COLUMN, key="one", edits=evaluation(views=1))),
    row("ensemble", ("",), base=ENSEMBLE, paper=()),
    row("fused", ("",), base=EXPERTS_FUSED, paper=()),
)
SMALL = replace(EXPERTS, recipes={"tiny": SMALL_RECIPE})


def test_parents_of_a_small_scale_are_trained_once_for_all_rows() -> None:
    found = {job.cell: job for job in jobs_of([(SMALL, None)], TINY, [], (0,))}
    assert [job.run for job in found.values() if not job.run.parents] == list(PRETRAINED.values())
    left = found["ensemble.top1.left.backbone"]
    assert left.run == PRETRAINED["left"] and not left.cells
    assert {one.full_cell for one in left.needed_by} == {"p/t:ensemble.top1.left", "p/t:fused.top1", "p/t:fused.one"}
    order = [job.run.train_id for job in found.values()]
    for job in found.values():
        assert all(order.index(parent.run.train_id) < order.index(job.run.train_id) for parent in job.run.parents)
    assert [job.run for job in jobs_of_table(SMALL)] == [job.run for job in jobs_of_table(EXPERTS)]
