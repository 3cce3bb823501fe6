"""Every table: found by name, resolved, built and hashed."""

import json
from pathlib import Path

import pytest
import torch

from experiments.catalog import CAPTIONS, find, load
from experiments.cost import measure
from experiments.drawing import Panels
from experiments.launch import jobs_of
from experiments.scales import PAPER, SCALES, TINY
from experiments.table import Difference, Table

GOLDEN = Path(__file__).parent / "golden_ids.json"


@pytest.fixture(params=sorted(CAPTIONS))
def table(request: pytest.FixtureRequest) -> Table:
    return load(request.param)


def test_names_and_captions_of_the_catalog_are_those_of_the_tables(table: Table) -> None:
    assert CAPTIONS[table.name] == table.caption


def test_every_row_has_a_label_and_a_printed_value_for_every_column(table: Table) -> None:
    assert len({row.key for row in table.rows}) == len(table.rows)
    for row in table.rows:
        assert len(row.labels) == len(table.labels)
        # A figure may be printed without numbers.
        assert len(row.paper) == len(table.columns) or (table.drawing is not None and not row.paper)


def test_drawings_name_columns_and_rows_of_their_table(table: Table) -> None:
    if not isinstance(table.drawing, Panels):
        return
    for panel in (panel for line in table.drawing.grid for panel in line):
        assert set(panel.columns) <= {column.key for column in table.columns}
        assert len(panel.columns) == len(panel.ticks)
        assert panel.relative_to is None or table.find_row(panel.relative_to)


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_every_cell_builds(table: Table, scale: object) -> None:
    with torch.device("meta"):
        for cell in table.cells(scale):  # type: ignore[arg-type]
            if cell.trained:
                assert cell.run is not None
                cell.run.build()


def test_costs_measured_at_paper_size_agree_with_the_printed_ones(table: Table) -> None:
    for cell in table.cells(TINY):
        if cell.paper_run is None or cell.trained or isinstance(cell.column, Difference) or cell.measures("memory"):
            continue
        value = measure(cell.column.metric, cell.paper_run)
        if isinstance(value, float):
            assert isinstance(cell.printed, float)
            assert abs(value - cell.printed) <= {"gflops": 0.1, "parameters": 0.05}[cell.column.metric]
        elif cell.measures("gflops_views"):
            (gflops, views), (printed, printed_views) = (str(v).split("×", 1) for v in (value, cell.printed))
            assert abs(float(gflops) - float(printed)) <= 0.1 + 1e-9
            assert views == printed_views
        else:
            assert value == cell.printed


def test_the_default_row_is_one_run_in_every_table() -> None:
    ids = {
        cell.run.train_id
        for name, key in (("table2a", "trajectory-cubic"), ("table2b", "trajectory-separate"), ("table4", "trajectory"))
        for cell in load(f"motionformer/{name}").cells(PAPER, rows=[key])
        if cell.trained and cell.column.key == "k400" and cell.run is not None
    }
    assert len(ids) == 1


def test_scales_never_share_an_id(table: Table) -> None:
    def ids(scale: object) -> set[str]:
        return {cell.run.train_id for cell in table.cells(scale) if cell.trained and cell.run}  # type: ignore[arg-type]

    assert not ids(PAPER) & ids(TINY)


def test_ids_are_those_under_which_runs_were_trained() -> None:
    """A changed id orphans trained runs: change golden_ids.json only where that is meant."""
    found = {
        f"{name}:{cell.row.key}.{cell.column.key}@{scale.name}": f"{cell.run.train_id}/{cell.run.eval_id}"
        for name in sorted(CAPTIONS)
        for scale in SCALES.values()
        for cell in load(name).cells(scale)
        if cell.trained and cell.run is not None
    }
    assert found == json.loads(GOLDEN.read_text())


def test_a_run_shown_by_several_tables_is_one_job() -> None:
    selections = find(["motionformer/*"])
    jobs = jobs_of(selections, TINY, [], (0,))
    assert len({(job.run.train_id, job.run.eval_id) for job in jobs}) == len(jobs)
    shared = [job for job in jobs if "motionformer/table4:trajectory.k400" in job.cells]
    assert len(shared) == 1
    assert {"motionformer/table2a:trajectory-cubic.k400", "motionformer/table8:k400.eight-frames"} <= set(
        shared[0].cells
    )


def test_what_a_run_starts_from_comes_before_it() -> None:
    jobs = jobs_of(find(["motionformer/table4:divided"]), PAPER, [], (0,))
    order = [job.run.train_id for job in jobs]
    for job in jobs:
        if job.run.start_from is not None:
            assert order.index(job.run.start_from.train_id) < order.index(job.run.train_id)
    assert any(job.run.start_from is not None for job in jobs)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("motionformer/tabel4", "did you mean motionformer/table4"),
        ("motionformer/table4:trajectry", "did you mean 'motionformer/table4:trajectory'"),
        ("nothing", "reproduce list"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find([name])


def test_globs_choose_tables_and_rows() -> None:
    assert [s.table.name for s in find(["motionformer/table2*"])] == ["motionformer/table2a", "motionformer/table2b"]
    (selection,) = find(["motionformer/table4:trajectory*"])
    assert selection.rows == ("trajectory-avg-t", "trajectory-norm-st", "trajectory")
