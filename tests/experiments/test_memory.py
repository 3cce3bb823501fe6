"""Memory that training takes, as far as it can be tested without a GPU."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from experiments import memory
from experiments.catalog import load
from experiments.cli import main
from experiments.memory import TooLargeError, batch_as_printed, nearest_batch, peak_memory, training_step
from experiments.motionformer.base import K400
from experiments.run import RunConfig, apply, optim
from experiments.scales import TINY
from experiments.store import RunStore

TABLE = "motionformer/table3a"


def peak(weights: float, clip: float, capacity: float = 1e9):  # noqa: ANN201
    """A GPU on which weights and each clip take so much."""

    def peak_gib(batch_size: int) -> float:
        if weights + batch_size * clip > capacity:
            raise TooLargeError("does not fit")
        return weights + batch_size * clip

    return peak_gib


@pytest.mark.parametrize(
    ("weights", "clip", "batch_size"),
    [
        (2.0, 5.4, 1),
        (2.0, 9.0, 1),  # one clip is above already
        (2.0, 1.3, 4),
        (2.0, 1.24, 4),  # 6.96 and 8.2
        (2.0, 1.1, 5),
        (2.0, 0.8, 7),
        (1.8, 0.7, 8),
        (2.0, 0.1, 54),
    ],
)
def test_the_batch_is_the_one_that_comes_nearest(weights: float, clip: float, batch_size: int) -> None:
    assert nearest_batch(7.4, peak(weights, clip)) == batch_size


def test_a_peak_as_printed_is_the_last_that_is_tried() -> None:
    tried = []

    def peak_gib(batch_size: int) -> float:
        tried.append(batch_size)
        return 7.4

    assert nearest_batch(7.4, peak_gib) == 1
    assert tried == [1]


def test_a_gpu_that_holds_no_more_ends_the_search() -> None:
    assert nearest_batch(7.4, peak(2.0, 1.0, capacity=5.0)) == 3
    assert nearest_batch(7.4, peak(2.0, 1.0, capacity=6.5)) == 4
    with pytest.raises(TooLargeError):
        nearest_batch(7.4, peak(2.0, 1.0, capacity=2.5))


@pytest.mark.parametrize(("table", "row"), [(TABLE, "exact"), ("motionformer/table7", "mformer-b")])
def test_the_row_of_exact_attention_chooses_the_batch(monkeypatch: pytest.MonkeyPatch, table: str, row: str) -> None:
    measured = []

    def peak_memory(run: RunConfig, batch_size: int) -> dict[str, object]:
        measured.append(run.train_id)
        return {"peak_gib": 2.0 + 0.7 * batch_size}

    monkeypatch.setattr(memory, "peak_memory", peak_memory)
    cells = load(table).cells()
    assert batch_as_printed(reversed(cells)) == 8
    (exact,) = {c.paper_run.train_id for c in cells if c.row.key == row and c.measures("memory") and c.paper_run}
    assert set(measured) == {exact}


def test_without_a_printed_peak_of_exact_attention_the_batch_must_be_given() -> None:
    approximate = load(TABLE).cells(rows=["performer"])
    with pytest.raises(ValueError, match="give --batch"):
        batch_as_printed(approximate)


@pytest.mark.parametrize("precision", ["16-mixed", "bf16-mixed", "32-true"])
def test_the_first_step_leaves_what_an_optimiser_keeps_and_no_gradients(precision: str) -> None:
    run = TINY.of(apply(K400, optim(precision=precision)))
    optimizer = training_step(run, 2, torch.device("cpu"))()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    assert len(optimizer.state) == len(parameters) > 0
    assert all(parameter.isfinite().all() and parameter.grad is None for parameter in parameters)


def test_without_a_gpu_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OSError, match="there is none"):
        peak_memory(K400, 4)


def measure(monkeypatch: pytest.MonkeyPatch, runs: Path, *words: str, capacity: int = 10**9) -> tuple[int, list[int]]:
    """The exit code of `reproduce measure`, and the batches that it measured."""
    batches = []

    def peak_memory(run: RunConfig, batch_size: int) -> dict[str, object]:
        batches.append(batch_size)
        exact = getattr(run.model.attention, "approximation", None) is None
        if not exact and batch_size > capacity:
            raise TooLargeError(f"{batch_size} clips do not fit into this GPU; use a smaller --batch")
        how = {"precision": "16-mixed", "hardware": "a GPU", "versions": {"torch": "2.14.1"}, "commit": "abc"}
        return {"peak_gib": 2.0 + (0.7 if exact else 0.2) * batch_size, "batch_size": batch_size, **how}

    monkeypatch.setattr(memory, "peak_memory", peak_memory)
    return main(["measure", *words, "--runs", str(runs)]), batches


def test_all_rows_are_measured_at_the_chosen_batch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, batches = measure(monkeypatch, tmp_path, TABLE)
    assert (code, batches) == (0, [1, 2, 4, 8, 6, 7, 8, 8, 8, 8])
    assert "exact: 7.60 GiB with 8 clips, printed 7.4" in capsys.readouterr().out
    runs = [cell.paper_run for cell in load(TABLE).cells() if cell.measures("memory")]
    records = [RunStore(tmp_path).memory(run.train_id) for run in runs if run is not None]
    assert [record["batch_size"] for record in records if record is not None] == [8] * 4


def test_one_row_is_measured_at_the_batch_that_the_exact_row_chooses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert measure(monkeypatch, tmp_path, f"{TABLE}:performer") == (0, [1, 2, 4, 8, 6, 7, 8])


def test_a_batch_that_is_given_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert measure(monkeypatch, tmp_path, TABLE, "--batch", "3") == (0, [3] * 4)
    assert measure(monkeypatch, tmp_path, TABLE, "--batch", "0")[0] == 2


def test_a_row_that_does_not_fit_is_named_and_the_others_are_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, batches = measure(monkeypatch, tmp_path, TABLE, "--batch", "8", capacity=4)
    assert (code, len(batches)) == (3, 4)
    streams = capsys.readouterr()
    assert "performer: 8 clips do not fit into this GPU; use a smaller --batch" in streams.err
    assert len(list(tmp_path.glob("*/memory.json"))) == 1 and "exact: 7.60" in streams.out


def test_bytes_saved_for_backward_grow_with_the_depth() -> None:
    run = TINY.of(K400)
    deeper = replace(run, model=replace(run.model, depth=run.model.depth + 2))
    assert memory.saved_for_backward(deeper) > 1.3 * memory.saved_for_backward(run) > 0


@pytest.mark.parametrize("row", ["exact", "performer", "nystromformer", "orthoformer"])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_bytes_saved_for_backward_are_those_of_a_forward_with_its_real_kernels(row: str, depth: int) -> None:
    (cell, *_) = load(TABLE).cells(rows=[row])
    assert cell.paper_run is not None
    tiny = TINY.of(cell.paper_run)
    run = replace(tiny, model=replace(tiny.model, depth=depth, drop_path=0.1))
    model = run.model.build(frames=run.data.frames, crop=run.data.crop, num_classes=10).train()
    clip = torch.randn(1, run.data.frames, 3, run.data.crop, run.data.crop)
    assert memory.saved_for_backward(run) == memory.saved_bytes(model, clip) > 0


def test_what_is_measured_is_read_back_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(monkeypatch, tmp_path, f"{TABLE}:exact", "--batch", "2")
    (file,) = tmp_path.glob("*/memory.json")
    assert json.loads(file.read_text())["batch_size"] == 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_the_peak_on_a_gpu_grows_with_the_batch_and_holds_weights_and_what_the_optimiser_keeps() -> None:
    run = TINY.of(K400)
    small, large = (peak_memory(run, batch_size)["peak_gib"] for batch_size in (1, 8))
    weights = 4 * sum(parameter.numel() for parameter in run.build().parameters()) / memory.GIB
    assert isinstance(small, float) and isinstance(large, float)
    assert large > small > 3 * weights  # two moments beside them
