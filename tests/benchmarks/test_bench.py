"""Comparisons and their processes, tested with a case of a made-up paper."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from benchmarks.__main__ import main
from benchmarks.bench import NUM_CLASSES, TRAINING, Bench, Case, Forward, Sizes, classification_step
from benchmarks.cases import CASES
from benchmarks.isolated import received, send
from benchmarks.timing import WARM_UP, Implementation, Pair

SMALL = Sizes(depth=2, width=32, heads=2, frames=4, crop=64, clips=2, repeats=3)
CPU = torch.device("cpu")


def forward_macs(sizes: Sizes) -> int:
    return sizes.clips * sizes.width * NUM_CLASSES


def made_up(bench: Bench) -> Iterator[Pair]:
    """Linear classifier; the published formulation computes one class at a time."""
    torch.manual_seed(0)
    model, rows = nn.Linear(bench.sizes.width, NUM_CLASSES), torch.randn(bench.sizes.clips, bench.sizes.width)

    def published() -> Tensor:
        pairs = zip(model.weight, model.bias, strict=True)
        return torch.stack([rows @ weight + bias for weight, bias in pairs], dim=1)  # (B, C)

    for precision in bench.precisions:
        dtype = getattr(torch, precision)
        step = classification_step(CPU, dtype, model, len(rows))
        for part, run, passes in (("forward", Forward(CPU, dtype), 1), ("training step", step, TRAINING)):
            macs = passes * forward_macs(bench.sizes)
            yield from bench.compared(
                Implementation(partial(run, published), macs),
                {f"made-up, {part}": Implementation(partial(run, partial(model, rows)), macs)},
                precision=precision,
                difference=(published() - model(rows)).abs().max().item(),
                rate=1e9,
                aims={("cpu", "made-up, forward", "float32"): 1.5},
            )


def macs_of_made_up(bench: Bench) -> float:
    each = 2 * (1 + TRAINING) * forward_macs(bench.sizes) * len(bench.precisions)
    return each * (WARM_UP + bench.sizes.repeats)


MADE_UP = Case(made_up, macs_of_made_up)


def bench(advance: Callable[[float], object], sizes: Sizes = SMALL) -> Bench:
    return Bench(sizes=sizes, device=CPU, precisions=("float32", "bfloat16"), advance=advance)


def test_a_case_of_a_made_up_paper_is_timed_in_turns_and_reports_progress() -> None:
    done: list[float] = []
    pairs = list(MADE_UP.pairs(bench(done.append)))
    assert [(pair.name, pair.precision) for pair in pairs] == [
        ("made-up, forward", "float32"),
        ("made-up, training step", "float32"),
        ("made-up, forward", "bfloat16"),
        ("made-up, training step", "bfloat16"),
    ]
    assert all(len(pair.published) == len(pair.ours) == 3 for pair in pairs)
    assert all(pair.difference is not None and pair.difference < 1e-5 for pair in pairs)
    assert [pair.ours_by_flops for pair in pairs[:2]] == [2 * 32 * 400 / 1e9, 3 * 2 * 32 * 400 / 1e9]
    assert all((pair.clips, pair.published_memory, pair.ours_memory) == (2, None, None) for pair in pairs)
    assert sum(done) == MADE_UP.macs(bench(done.append))


def test_a_case_of_a_made_up_paper_is_run_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = {**CASES, "made-up": MADE_UP}
    monkeypatch.setattr("benchmarks.__main__.CASES", cases)
    monkeypatch.setattr("benchmarks.__main__.NAMES", tuple(cases))
    monkeypatch.setattr(
        "benchmarks.__main__.pairs_in_isolation",
        lambda bench, names: (pair for name in names for pair in cases[name].pairs(bench)),
    )
    threads = torch.get_num_threads()
    file = tmp_path / "made-up.json"
    words = ["made-up", "--device", "cpu", "--clips", "2", "--repeats", "2", "--width", "32", "--json", str(file)]
    try:
        assert main(words) == 0
    finally:
        torch.set_num_threads(threads)
    names = ["made-up, forward", "made-up, training step"]
    assert [pair["name"] for pair in json.loads(file.read_text())["pairs"]] == names
    assert all(f"| {name} " in file.with_suffix(".md").read_text() for name in names)
    streams = capsys.readouterr()
    assert all(f"| {name} " in streams.out for name in names) and "100%" in streams.err


class RecordingPipe:
    """Pipe that stores messages instead of sending them."""

    def __init__(self) -> None:
        self.messages: list[object] = []

    def send(self, message: object) -> None:
        self.messages.append(message)


def test_pairs_and_progress_that_a_process_sends_are_received(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("benchmarks.isolated.CASES", {"made-up": MADE_UP})
    pipe, done = RecordingPipe(), []
    send(pipe, bench(float), "made-up", torch.get_num_threads())  # pyright: ignore[reportArgumentType]
    pairs = list(received(iter(pipe.messages).__next__, bench(done.append)))
    assert [pair.name for pair in pairs] == ["made-up, forward", "made-up, training step"] * 2
    assert sum(done) == MADE_UP.macs(bench(done.append))


class Compared(NamedTuple):
    """Arguments of a comparison, and expected fields of its pairs."""

    sizes: Sizes
    rate: float | None
    clips: int
    by_flops: list[float | None]
    aims: list[float | None]


@pytest.mark.parametrize(
    "compared",
    [
        Compared(Sizes(clips=7, repeats=1), 1e3, 7, [0.02, 0.03], [1.5, None]),
        Compared(Sizes(clips=7, repeats=1), None, 0, [None, None], [1.5, None]),
        Compared(Sizes(depth=11, repeats=1), 1e3, 1, [0.02, 0.03], [None, None]),
    ],
    ids=["rate", "no rate", "other sizes"],
)
def test_each_of_our_implementations_is_a_pair_with_the_target_of_its_name(compared: Compared) -> None:
    called: list[str] = []
    aims = {("cpu", "one", "float32"): 1.5, ("cuda", "two", "float32"): 2.0, ("cpu", "two", "bfloat16"): 3.0}
    done: list[float] = []
    pairs = list(
        bench(done.append, compared.sizes).compared(
            Implementation(lambda: called.append("published"), 40.0),
            {
                "one": Implementation(lambda: called.append("one"), 20.0),
                "two": Implementation(lambda: called.append("two"), 30.0),
            },
            precision="float32",
            difference=0.25,
            rate=compared.rate,
            aims=aims,
        )
    )
    assert called == ["published", "one", "two"] * (WARM_UP + 1)
    assert sum(done) == 90.0 * (WARM_UP + 1)
    assert [pair.name for pair in pairs] == ["one", "two"]
    assert [pair.aim for pair in pairs] == compared.aims
    assert [pair.ours_by_flops for pair in pairs] == compared.by_flops
    assert all((pair.clips, pair.difference) == (compared.clips, 0.25) for pair in pairs)
    assert pairs[0].published == pairs[1].published


def test_published_sizes_may_have_any_number_of_clips_and_turns() -> None:
    assert Sizes(clips=4, repeats=20).are_published
    assert not SMALL.are_published
    assert not Sizes(frames=32).are_published


def test_a_training_step_trains_and_leaves_no_gradients_behind() -> None:
    model, rows = nn.Linear(8, NUM_CLASSES), torch.randn(2, 8)
    before = model.weight.detach().clone()
    classification_step(CPU, torch.float32, model, 2)(lambda: model(rows))
    assert not torch.equal(model.weight, before)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_forward_pass_builds_no_autograd_graph() -> None:
    model, rows = nn.Linear(8, NUM_CLASSES), torch.randn(2, 8)
    logits = Forward(CPU, torch.bfloat16)(lambda: model(rows))
    assert logits.dtype == torch.bfloat16 and not logits.requires_grad
