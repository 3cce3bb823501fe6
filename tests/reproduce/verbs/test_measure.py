"""`reproduce measure`: batch sizes, saved measurements and failed measurements."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from experiments.motionformer import table3
from experiments.spec.catalog import load
from experiments.spec.metrics import Measured, SpeedOfReference, VideosPerSecondInTurns
from experiments.spec.run import RunConfig
from experiments.spec.table import Cell, Column
from models.mixers.trajectory import TrajectoryAttention
from models.motionformer.model import Motionformer
from reproduce.command import main
from runner.measure.memory import MEASUREMENTS, NotMeasurableError, TooLargeError, peak_memory
from runner.measure.throughput import Turns
from runner.store.store import RunStore

Runs = Mapping[str, RunConfig]

TABLE = "motionformer/table3a"
CONDITIONS = {"precision": "16-mixed", "hardware": "a GPU", "versions": {"torch": "2.14.1"}, "commit": "abc"}


def is_exact(run: RunConfig) -> bool:
    assert isinstance(run.model, Motionformer.Config) and isinstance(run.model.attention, TrajectoryAttention.Config)
    return run.model.attention.approximation is None


def measured(monkeypatch: pytest.MonkeyPatch, runs: Path, *words: str, capacity: int = 10**9) -> tuple[int, list[int]]:
    """Exit code of `reproduce measure`, and batch sizes of its memory measurements."""
    batches = []

    def peak_memory(run: RunConfig, batch_size: int) -> dict[str, object]:
        batches.append(batch_size)
        if not is_exact(run) and batch_size > capacity:
            raise TooLargeError(f"batch {batch_size} does not fit into this GPU; use a smaller --batch")
        return {"peak_gib": 2.0 + (0.7 if is_exact(run) else 0.2) * batch_size, "batch_size": batch_size, **CONDITIONS}

    monkeypatch.setitem(MEASUREMENTS, "memory", peak_memory)
    return main(["measure", *words, "--runs", str(runs)]), batches


def measured_cells(table: str) -> list[Cell]:
    return [cell for cell in load(table).cells() if isinstance(cell.column.metric, Measured) and cell.paper_run]


def test_all_rows_are_measured_at_the_batch_size_of_the_metric(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert measured(monkeypatch, tmp_path, TABLE) == (0, [4] * 4)
    assert "exact: peak_gib 4.80 with batch 4, printed 7.4\n" in capsys.readouterr().out
    for run in (cell.paper_run for cell in measured_cells(TABLE)):
        assert run is not None
        found = RunStore(tmp_path).measurement(run.train_id, "memory")
        assert found is not None and found.record["batch_size"] == 4
        assert json.loads(RunStore(tmp_path).run(run.train_id).config.read_text()) == run.description


def test_batch_option_sets_the_batch_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert measured(monkeypatch, tmp_path, TABLE, "--batch", "3") == (0, [3] * 4)


def test_rows_that_exceed_the_memory_are_named_and_the_others_are_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, batches = measured(monkeypatch, tmp_path, TABLE, "--batch", "8", capacity=4)
    assert (code, len(batches)) == (3, 4)
    streams = capsys.readouterr()
    reason = "batch 8 does not fit into this GPU; use a smaller --batch"
    assert streams.err == f"{TABLE}: performer, nystromformer, orthoformer: {reason}\n"
    assert len(list(tmp_path.glob("*/measured/memory.json"))) == 1 and "exact: peak_gib 7.60" in streams.out


def test_rows_that_cannot_be_measured_are_named_and_the_others_are_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def peak_memory(run: RunConfig, batch_size: int) -> dict[str, object]:
        if not is_exact(run):
            raise NotMeasurableError("this run trains nothing")
        return {"peak_gib": 2.0, "batch_size": batch_size, **CONDITIONS}

    monkeypatch.setitem(MEASUREMENTS, "memory", peak_memory)
    assert main(["measure", TABLE, "--batch", "1", "--runs", str(tmp_path)]) == 0
    streams = capsys.readouterr()
    left_out = f"{TABLE}: performer, nystromformer, orthoformer: this run trains nothing\n"
    assert left_out in streams.err and "exact: peak_gib 2.00" in streams.out


def test_measurements_are_saved_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, tmp_path, f"{TABLE}:exact", "--batch", "2")
    (file,) = tmp_path.glob("*/measured/memory.json")
    record = json.loads(file.read_text())
    assert record["batch_size"] == 2


def test_a_table_without_measured_columns_is_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "motionformer/table8", "--runs", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "reproduce: motionformer/table8: no column is measured on a device\n"


def with_columns(monkeypatch: pytest.MonkeyPatch, *columns: Column) -> None:
    """Append columns to table 3a."""
    rows = tuple(replace(row, paper=(*row.paper, *[None] * len(columns))) for row in table3.TABLE_A.rows)
    monkeypatch.setattr(
        table3, "TABLE_A", replace(table3.TABLE_A, columns=(*table3.TABLE_A.columns, *columns), rows=rows)
    )


def column(metric: Measured) -> Column:
    return replace(table3.TABLE_A.columns[0], key=metric.name, metric=metric)


def latency_of(run: RunConfig, batch_size: int) -> dict[str, object]:
    return {"latency": 12.0, "rate": 1 / 12, "batch_size": batch_size, **CONDITIONS}


def test_each_kind_is_measured_once_per_run_with_its_own_batch_size(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured_runs: list[tuple[str, int]] = []

    def latency(run: RunConfig, batch_size: int) -> dict[str, object]:
        measured_runs.append((run.train_id, batch_size))
        return latency_of(run, batch_size)

    own = [Measured(name, "latency", function=latency, conditions="Latency of") for name in ("latency", "rate")]
    with_columns(monkeypatch, *map(column, own))
    code, batches = measured(monkeypatch, tmp_path, f"{TABLE}:exact")
    assert (code, batches) == (0, [4])
    (cell, *_) = measured_cells(TABLE)
    assert cell.paper_run is not None
    assert measured_runs == [(cell.paper_run.train_id, 1)]
    store = RunStore(tmp_path)
    records = [store.measurement(cell.paper_run.train_id, kind) for kind in ("memory", "latency")]
    assert [found.record["batch_size"] for found in records if found is not None] == [4, 1]
    assert capsys.readouterr().out.splitlines() == [
        "exact: peak_gib 4.80 with batch 4, printed 7.4",
        "exact: latency 12.00 with batch 1",
    ]


def test_a_run_in_several_tables_is_measured_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, batches = measured(monkeypatch, tmp_path, f"{TABLE}:exact", "motionformer/table3b", "--batch", "2")
    cells = [cell for cell in (*measured_cells(TABLE)[:1], *measured_cells("motionformer/table3b"))]
    runs = {cell.paper_run.train_id for cell in cells if cell.paper_run}
    assert code == 0 and len(batches) == len(runs)


@pytest.mark.parametrize("batch", [[], ["--batch", "1"]], ids=["of the metric", "of the option"])
def test_memory_without_a_gpu_is_one_line_of_a_table_and_nothing_is_measured(
    batch: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["measure", TABLE, *batch, "--runs", str(tmp_path)]) == 3
    reason = "memory is measured on a CUDA device and there is none; reports show – for it"
    assert capsys.readouterr().err == f"{TABLE}: exact, performer, nystromformer, orthoformer: {reason}\n"
    assert list(tmp_path.iterdir()) == []


def test_speeds_are_measured_where_memory_cannot_be(
    in_turns: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    in_turns(records_of)
    monkeypatch.setitem(MEASUREMENTS, "memory", peak_memory)
    assert main(["measure", "motionformer/table3b", "msca/table1", "--runs", str(tmp_path)]) == 0
    streams = capsys.readouterr()
    skipped, *_, following = streams.err.splitlines()
    assert skipped.startswith(
        "motionformer/table3b: exact, seg-means, random, orthogonal: memory is measured on a CUDA"
    )
    assert following.startswith("next: reproduce report motionformer/table3b msca/table1")
    assert list(tmp_path.glob("*/measured/turns-float32.json")) and not list(tmp_path.glob("*/measured/memory.json"))


@pytest.fixture
def in_turns(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Runs], dict[str, dict[str, object]]]], list[str]]:
    """Function that adds columns of speed in turns to table 3a, and replaces their measurement.

    The returned list names the cells of each measurement.
    """
    reference = measured_cells(TABLE)[0].paper_run
    assert reference is not None
    speed = VideosPerSecondInTurns("videos_per_second", "turns-float32")
    ratio = SpeedOfReference("speed_of_reference", "turns-float32", reference=reference)
    half = VideosPerSecondInTurns("videos_per_second_bf16", "turns-bfloat16")
    with_columns(monkeypatch, column(speed), column(ratio), column(half))
    called: list[str] = []

    def use(records: Callable[[Runs], dict[str, dict[str, object]]]) -> list[str]:
        def recorded(turns: Turns, runs: Runs) -> dict[str, dict[str, object]]:
            called.append(f"{turns.precision} {' '.join(runs)}")
            return records(runs)

        monkeypatch.setattr(Turns, "records", recorded)
        monkeypatch.setitem(MEASUREMENTS, "memory", lambda run, batch: {"peak_gib": 7.4, "batch_size": 1, **CONDITIONS})
        return called

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return use


def records_of(runs: Runs) -> dict[str, dict[str, object]]:
    """Records of a session in which the n-th run takes n seconds an item."""
    seconds = {run.train_id: [float(n), float(n)] for n, run in enumerate(runs.values(), start=1)}
    session = {"session": "now", "rounds": 2, "seconds_per_item": seconds, "batch_size": 1}
    return {name: {**session, **CONDITIONS} for name in runs}


def test_all_rows_of_a_table_are_measured_in_turns_and_saved_together(
    in_turns: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    called = in_turns(records_of)
    assert main(["measure", TABLE, "--runs", str(tmp_path)]) == 0
    keys = ("exact", "performer", "nystromformer", "orthoformer")
    assert called == [f"32-true {' '.join(f'{TABLE}:{key}.videos_per_second' for key in keys)}"]
    assert len(list(tmp_path.glob("*/measured/turns-float32.json"))) == 4
    streams = capsys.readouterr()
    assert "performer: videos_per_second 0.017 with batch 1\n" in streams.out
    assert "turns-bfloat16: bfloat16 is measured on a CUDA device and there is none" in streams.err
    assert not list(tmp_path.glob("*/measured/turns-bfloat16.json"))


def test_rows_that_do_not_fit_are_not_saved_and_change_the_exit_code(
    in_turns: Callable[..., list[str]], tmp_path: Path
) -> None:
    def without_last(runs: Runs) -> dict[str, dict[str, object]]:
        found = records_of(runs)
        del found[f"{TABLE}:orthoformer.videos_per_second"]
        return found

    in_turns(without_last)
    assert main(["measure", TABLE, "--runs", str(tmp_path)]) == 3
    assert len(list(tmp_path.glob("*/measured/turns-float32.json"))) == 3


def test_rows_of_several_tables_take_turns_once(in_turns: Callable[..., list[str]], tmp_path: Path) -> None:
    called = in_turns(records_of)
    assert main(["measure", "msca/table1", "msca/table3", "--runs", str(tmp_path)]) == 0
    [session] = called
    rows = session.removeprefix("32-true ").split()
    assert [row for row in rows if row.startswith("msca/table3")] == [
        "msca/table3:msca-4.latency",
        "msca/table3:msca-8.latency",
    ]
    assert len(rows) == 7  # the frame-wise ViT and MSCA in all blocks are rows of both


@pytest.mark.parametrize("error", [TooLargeError("performer: batch 4 no longer fits"), KeyboardInterrupt()])
def test_an_interrupted_measurement_in_turns_saves_nothing(
    error: BaseException, in_turns: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(runs: Runs) -> dict[str, dict[str, object]]:
        raise error

    in_turns(fail)
    assert main(["measure", TABLE, "--runs", str(tmp_path)]) == (3 if isinstance(error, TooLargeError) else 130)
    assert not list(tmp_path.glob("*/measured/turns-*.json"))
    if isinstance(error, TooLargeError):
        assert "turns-float32: performer: batch 4 no longer fits\n" in capsys.readouterr().err
