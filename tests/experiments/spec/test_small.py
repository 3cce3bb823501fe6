"""Runs of the scale `small`: what they change, and how long those of a table take."""

import re
from dataclasses import replace

import pytest

from data.config import DatasetConfig
from data.datasets.kinetics import Kinetics
from data.datasets.subset import Subset
from experiments.motionformer.base import K400
from experiments.spec.catalog import Selection, captions, find, load
from experiments.spec.edits import changed_fields
from experiments.spec.run import RunConfig
from experiments.spec.scales import SMALL
from experiments.spec.scaling import at_scale
from experiments.spec.table import Table
from reproduce.verbs.plan import memory_text
from reproduce.write_index import gpu_hours
from runner.machine.resources import Resources
from runner.store.jobs import jobs_of

SEEDS = (0, 1, 2)
MOST_HOURS = 24
SIZES = ("model.width", "model.depth", "model.heads", "model.init", "data.dataset", "data.crop", "data.frames")
RECIPE = ("data.sampling.stride", "evaluation.stride", "optim.epochs", "optim.schedule", "optim.precision", "parents")
ENDINGS = (".positions.side",)  # of experts
OF_MSCA = ("optim.keep", "optim.validate_every")


@pytest.fixture(params=sorted(captions()))
def table(request: pytest.FixtureRequest) -> Table:
    return load(request.param)


def test_a_table_takes_a_day_on_one_gpu_with_three_seeds(table: Table) -> None:
    hours = gpu_hours(jobs_of([(table, None)], SMALL, [], SEEDS), SMALL)
    assert hours is None or 0 < hours <= MOST_HOURS


@pytest.mark.parametrize("row", ["cast/table1a:cast", "deform3d/ablation:default", "msca/table1:kv-4", "xvit/zoo:ssv2"])
def test_a_training_step_fits_into_24_gigabytes(row: str) -> None:
    check_memory(find([row]))


@pytest.mark.slow
def test_all_training_steps_fit_into_24_gigabytes() -> None:
    check_memory(find(["*"]))


def check_memory(selections: list[Selection]) -> None:
    trained = [job for job in jobs_of(selections, SMALL, [], (0,)) if job.run.optim is not None]
    text = memory_text(trained, "RTX 4090", Resources())
    found = re.fullmatch(r"memory of one RTX 4090: .* at most ([\d.]+) GB of 24 GB, by its tensors; .* for it", text)
    assert found is not None and 1 < float(found[1]) < 24


def test_runs_differ_from_those_of_the_paper_in_sizes_and_lengths_alone(table: Table) -> None:
    for cell in table.cells(SMALL):
        if cell.tested and cell.run is not None and cell.paper_run is not None:
            changed = changed_fields(cell.paper_run, cell.run)
            others = [path for path in changed if not path.startswith((*SIZES, *RECIPE)) and not path.endswith(ENDINGS)]
            assert set(others) <= (set(OF_MSCA) if table.paper == "msca" else set())


def test_a_paper_has_one_length_and_one_share_of_each_data_set() -> None:
    found: dict[tuple[str, str], set[object]] = {}
    for name in captions():
        for job in jobs_of([(load(name), None)], SMALL, [], (0,)):
            key = (load(name).paper, job.run.data.dataset.name)
            if job.run.optim is not None:
                found.setdefault(key, set()).add((job.run.optim.epochs, part(job.run.data.dataset)))
    assert {key: len(settings) for key, settings in found.items()} == dict.fromkeys(found, 1)
    assert len(found) == 13


def part(dataset: DatasetConfig) -> tuple[object, ...]:
    return (dataset.classes, dataset.train_share) if isinstance(dataset, Subset.Config) else ()


def test_a_run_on_mini_ssv2_starts_from_one_on_mini_kinetics() -> None:
    table = load("motionformer/table4")
    runs = {cell.column.key: cell.run for cell in table.cells(SMALL, rows=["trajectory"])}
    (parent,), start = runs_of(runs["ssv2"]), runs["k400"]
    assert start is not None and parent == start
    assert [part(run.data.dataset) for run in (start, runs["ssv2"]) if run] == [("mini-kinetics", 1), ("mini-ssv2", 1)]


def runs_of(run: RunConfig | None) -> list[RunConfig]:
    assert run is not None
    return [parent.run for parent in run.parents]


def test_what_cannot_be_made_small_has_no_run_and_a_reason() -> None:
    table = at_scale(load("msca/table4"), SMALL)
    (cell,) = (c for c in table.cells(SMALL, rows=["patches-64"]) if c.column.key == "top1")
    assert (
        not cell.tested
        and not cell.runs
        and cell.left_out == "it shifts more than the 50 tokens of a frame of 112 pixels"
    )
    assert f"Left out at the scale `small`: 64, 32, 32: {cell.left_out}." in table.notes
    assert any(
        "`small`: all rows: Long Range Arena" in note for note in at_scale(load("motionformer/table5"), SMALL).notes
    )


def test_a_row_of_data_without_a_part_is_left_out() -> None:
    data = replace(K400.data, dataset=Kinetics.Config(name="kinetics700", num_classes=700))
    recipe = load("motionformer/table4").recipe(SMALL)
    assert recipe is not None and not recipe.left_out(K400)
    assert recipe.left_out(replace(K400, data=data)) == "no part of kinetics700 is chosen"
