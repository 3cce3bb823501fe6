"""`reproduce measure`: batch sizes, saved measurements and failed measurements."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.motionformer import table3
from experiments.spec.catalog import load
from experiments.spec.metrics import TOO_LARGE, Measured, SpeedOfReference, VideosPerSecondInTurns
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER
from experiments.spec.table import Cell
from models.mixers.trajectory import TrajectoryAttention
from models.motionformer.model import Motionformer
from reports.collect import collect
from reports.pages.table_texts import cell_text
from runner.measure.device_time import STEP_SECONDS
from runner.measure.memory import MEASUREMENTS, NotMeasurableError
from runner.measure.throughput import Turns
from runner.store.store import RunStore
from tests.conftest import Reproduce

Runs = Mapping[str, RunConfig]

TABLE = "motionformer/table3a"
OTHER_ROWS = f"{TABLE}: performer, nystromformer, orthoformer"
CONDITIONS = {"precision": "16-mixed", "hardware": "a GPU", "versions": {"torch": "2.14.1"}, "commit": "abc"}


def is_exact(run: RunConfig) -> bool:
    assert isinstance(run.model, Motionformer.Config) and isinstance(run.model.attention, TrajectoryAttention.Config)
    return run.model.attention.approximation is None


@pytest.fixture
def measure(reproduce: Reproduce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reproduce:
    monkeypatch.setattr("reproduce.selection.RESULTS", tmp_path / "published")
    return lambda *words: reproduce("measure", *words, "--runs", tmp_path)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Batch sizes of the memory measurements, which are made up. Only the exact row fits with more than 8."""
    found: list[int] = []

    def peak_memory(run: RunConfig, batch_size: int) -> dict[str, object]:
        found.append(batch_size)
        if batch_size > 8 and not is_exact(run):
            return {TOO_LARGE: True, "batch_size": batch_size, **CONDITIONS}
        if batch_size == 1 and not is_exact(run):
            raise NotMeasurableError("this run trains nothing")
        return {"peak_gib": 2.0 + (0.7 if is_exact(run) else 0.2) * batch_size, "batch_size": batch_size, **CONDITIONS}

    monkeypatch.setitem(MEASUREMENTS, "memory", peak_memory)
    return found


def measured_cells(table: str) -> list[Cell]:
    return [cell for cell in load(table).cells() if isinstance(cell.column.metric, Measured) and cell.paper_run]


def test_all_rows_are_measured_at_the_batch_size_of_the_metric_or_of_the_option(
    measure: Reproduce, batches: list[int], tmp_path: Path
) -> None:
    outcome = measure(TABLE)
    assert (outcome.code, batches) == (0, [4] * 8)  # the published formulation and ours
    assert "exact: peak_gib 4.80 with batch 4, printed 7.4\n" in outcome.out
    for run in (cell.paper_run for cell in measured_cells(TABLE)):
        assert run is not None
        found = RunStore(tmp_path).measurement(run.train_id, "memory")
        assert found is not None and found.record["batch_size"] == 4
        assert json.loads(RunStore(tmp_path).run(run.train_id).config.read_text()) == run.description
    assert measure(TABLE, "--batch", "3").code == 0 and batches[8:] == [3] * 8


def test_rows_that_cannot_be_measured_are_named_and_the_others_are_measured(
    measure: Reproduce, batches: list[int], tmp_path: Path
) -> None:
    outcome = measure(TABLE, "--batch", 1)
    assert (outcome.code, len(batches)) == (0, 8)
    assert outcome.err.splitlines()[0] == f"{OTHER_ROWS}: this run trains nothing"
    assert len(list(tmp_path.glob("*/measured/memory.json"))) == 2 and "exact: peak_gib " in outcome.out


@pytest.mark.usefixtures("batches")
def test_a_batch_that_does_not_fit_is_saved_and_shown_and_replaces_no_value(measure: Reproduce, tmp_path: Path) -> None:
    outcome = measure(f"{TABLE}:performer", "--batch", 9)
    assert outcome.code == 0
    assert "performer: peak_gib: batch 9 does not fit into the memory of this device\n" in outcome.out

    def shown() -> list[tuple[str, object]]:
        report = collect(load(TABLE), PAPER, RunStore(tmp_path), rows=["performer"])
        assert "too large" in cell_text(report.cells[0]) or report.cells[0].value
        return [(cell.state, cell.value) for cell in report.cells if isinstance(cell.metric, Measured)]

    assert {*shown()} == {("too large", None)}
    assert measure(f"{TABLE}:performer", "--batch", 4).code == 0
    assert {*shown()} == {("measured", 2.8)}
    assert measure(f"{TABLE}:performer", "--batch", 9).code == 0 and {*shown()} == {("measured", 2.8)}


def with_columns(monkeypatch: pytest.MonkeyPatch, *metrics: Measured) -> None:
    """Append columns to table 3a."""
    table, number = table3.TABLE_A, len(metrics)
    columns = [replace(table.columns[0], key=metric.name, metric=metric) for metric in metrics]
    rows = tuple(replace(row, paper=(*row.paper, *[None] * number)) for row in table.rows)
    monkeypatch.setattr(table3, "TABLE_A", replace(table, columns=(*table.columns, *columns), rows=rows))


def test_each_kind_is_measured_once_per_run_with_its_own_batch_size(
    measure: Reproduce, batches: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measured_runs: list[tuple[str, int]] = []

    def latency(run: RunConfig, batch_size: int) -> dict[str, object]:
        measured_runs.append((run.train_id, batch_size))
        return {"latency": 12.0, "rate": 1 / 12, "batch_size": batch_size, **CONDITIONS}

    names = ("latency", "rate")
    with_columns(monkeypatch, *(Measured(name, "latency", function=latency, conditions="Of") for name in names))
    outcome = measure(f"{TABLE}:exact")
    run = measured_cells(TABLE)[0].paper_run
    assert run is not None and (outcome.code, batches, measured_runs) == (0, [4, 4], [(run.train_id, 1)])
    records = [RunStore(tmp_path).measurement(run.train_id, kind) for kind in ("memory", "latency")]
    assert [found.record["batch_size"] for found in records if found is not None] == [4, 1]
    assert outcome.out.splitlines() == [
        "exact: peak_gib 4.80 with batch 4, printed 7.4",
        "exact: peak_gib 4.80 with batch 4",
        "exact: latency 12.00 with batch 1",
    ]


def test_a_run_in_several_tables_is_measured_once(measure: Reproduce, batches: list[int]) -> None:
    assert measure(f"{TABLE}:exact", "motionformer/table3b", "--batch", "2").code == 0
    cells = [*measured_cells(TABLE)[:2], *measured_cells("motionformer/table3b")]
    assert len(batches) == len({cell.paper_run.train_id for cell in cells if cell.paper_run})


def test_memory_without_a_gpu_is_one_line_of_a_table_and_nothing_is_measured(
    measure: Reproduce, tmp_path: Path
) -> None:
    reason = "memory is measured on a CUDA device and there is none; reports show – for it"
    rows = f"{TABLE}: exact, performer, nystromformer, orthoformer"
    assert measure(TABLE) == (3, "", f"{rows}: {reason}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [(TABLE,), ("motionformer/table4", "--reading", "--scale", "tiny")])
def test_nothing_is_measured_that_cannot_be_saved(
    words: tuple[str, ...], reproduce: Reproduce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reproduce.verbs.measure.measured", None)
    monkeypatch.setattr("runner.measure.reading.reading_speed", None)
    (tmp_path / "runs").write_text("")
    refused = reproduce("measure", *words, "--runs", tmp_path / "runs")
    assert refused.code == 3 and refused.err.startswith(f"reproduce: cannot write {tmp_path / 'runs'}")


@pytest.fixture
def in_turns(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Cells of each measurement in turns, which are made up: the n-th run takes n seconds an item.

    Table 3a has columns of them.
    """
    reference = measured_cells(TABLE)[0].paper_run
    assert reference is not None
    with_columns(
        monkeypatch,
        VideosPerSecondInTurns("videos_per_second", "turns-float32"),
        SpeedOfReference("speed_of_reference", "turns-float32", reference=reference),
        VideosPerSecondInTurns("videos_per_second_bf16", "turns-bfloat16"),
    )
    called: list[str] = []

    def records(turns: Turns, runs: Runs) -> dict[str, dict[str, object]]:
        called.append(f"{turns.precision} {' '.join(runs)}")
        seconds = {run.train_id: [float(n), float(n)] for n, run in enumerate(runs.values(), start=1)}
        session = {"session": "now", "rounds": 2, "seconds_per_item": seconds, "batch_size": 1}
        return {name: {**session, **CONDITIONS} for name in runs}

    monkeypatch.setattr(Turns, "records", records)
    return called


@pytest.mark.usefixtures("batches")
def test_all_rows_of_a_table_are_measured_in_turns_and_saved_together(
    in_turns: list[str], measure: Reproduce, tmp_path: Path
) -> None:
    outcome = measure(TABLE)
    assert outcome.code == 0
    keys = ("exact", "performer", "nystromformer", "orthoformer")
    assert in_turns == [f"32-true {' '.join(f'{TABLE}:{key}.videos_per_second' for key in keys)}"]
    assert len(list(tmp_path.glob("*/measured/turns-float32.json"))) == 4
    assert "performer: videos_per_second 0.017 with batch 1\n" in outcome.out
    assert "turns-bfloat16: bfloat16 is measured on a CUDA device and there is none" in outcome.err
    assert not list(tmp_path.glob("*/measured/turns-bfloat16.json"))


def test_rows_of_several_tables_take_turns_once_and_memory_is_left_out_without_a_gpu(
    in_turns: list[str], measure: Reproduce
) -> None:
    outcome = measure("motionformer/table3b", "msca/table1", "msca/table3")
    assert outcome.code == 0
    skipped, *_, following = outcome.err.splitlines()
    assert skipped.startswith("motionformer/table3b: exact, seg-means, random, orthogonal: memory is measured on a")
    assert following.startswith("next: reproduce report motionformer/table3b msca/table1 msca/table3")
    [session] = in_turns
    rows = session.removeprefix("32-true ").split()
    assert {row for row in rows if "table3:" in row} == {f"msca/table3:msca-{number}.latency" for number in (4, 8)}
    assert len(rows) == 7  # the frame-wise ViT and MSCA in all blocks are rows of both


@pytest.mark.usefixtures("batches", "in_turns")
@pytest.mark.parametrize(
    ("error", "code"), [(NotMeasurableError("performer: batch 4 no longer fits"), 0), (KeyboardInterrupt(), 130)]
)
def test_an_interrupted_measurement_in_turns_saves_nothing(
    error: BaseException, code: int, measure: Reproduce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(turns: Turns, runs: Runs) -> None:
        raise error

    monkeypatch.setattr(Turns, "records", fail)
    outcome = measure(TABLE)
    assert outcome.code == code and not list(tmp_path.glob("*/measured/turns-*.json"))
    assert code == 130 or "turns-float32: performer: batch 4 no longer fits\n" in outcome.err


def test_a_plan_takes_the_smaller_of_the_rates_of_reading_and_of_the_training_step(
    reproduce: Reproduce, listed: Path, tmp_path: Path
) -> None:
    folder = Path(listed.read_text().split()[0]).parents[1]
    words = ("motionformer/table4:trajectory", "--column", "k400", "--own", folder, "-o", "optim.batch_size=2")
    words += ("-o", "model.depth=1", "-o", "data.frames=2", "--scale", "paper", "--runs", tmp_path)
    measured = reproduce("measure", *words, "--reading")
    first, second = measured.out.splitlines()
    assert measured.code == 0 and "videos/s a core" in first and "collate" in first
    assert second == "motionformer/table4:trajectory.k400: without a GPU, its training step is not measured"
    assert "next: reproduce plan motionformer/table4:trajectory" in measured.err
    (file,) = tmp_path.glob("*/measured/reading.json")
    rate = json.loads(file.read_text())["read_per_second"]
    (plan,) = json.loads(reproduce("plan", *words, "--json").out)
    assert plan["reading"].startswith(f"reading, measured: {rate:.3g} videos/s with 0 workers, for which the device")
    steps, num_read = plan["petaflops_left"] * 1e15 / (0.35 * 312e12), plan["steps"] * 2 + plan["items"]["test"] * 10
    computing = max(steps, plan["steps"] * STEP_SECONDS)
    assert plan["device_hours_left"] == pytest.approx((computing + num_read / rate) / 3600, rel=0.2)
    assert plan["reading"] in reproduce("plan", *words).out.replace("\n", " ")
