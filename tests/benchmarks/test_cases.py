import pytest
import torch

from benchmarks.cases import AIMS, NAMES, Bench, Forward, Sizes, TrainingStep

SMALL = Sizes(depth=2, width=32, heads=2, frames=4, crop=64, clips=2, repeats=1)
CPU = torch.device("cpu")


def test_all_comparisons_run_and_progress_ends_where_it_was_said_to_end() -> None:
    done: list[float] = []
    bench = Bench(sizes=SMALL, device=CPU, precisions=("float32",), advance=done.append)
    pairs = list(bench.pairs(list(NAMES)))
    names = [pair.name for pair in pairs]
    assert names == [
        "selection from all candidates",
        "selection from 4 R candidates",
        "trajectory, forward",
        "trajectory, training step",
        "trajectory, training step, recomputed",
        "trajectory-projected, forward",
        "trajectory-projected, training step",
        "trajectory-projected, training step, recomputed",
        "joint, forward",
        "joint, training step",
        "divided, forward",
        "divided, training step",
    ]
    assert {what for _, what, _ in AIMS} <= set(names)
    assert all(pair.difference < 1e-4 for pair in pairs)
    assert sum(done) == pytest.approx(bench.macs(list(NAMES)))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "selection"])
def test_models_run_and_train_under_mixed_precision(name: str) -> None:
    bench = Bench(sizes=SMALL, device=CPU, precisions=("bfloat16",), advance=lambda macs: None)
    pairs = list(bench.pairs([name]))
    assert {pair.precision for pair in pairs} == {"bfloat16"}
    assert all(0 < pair.difference < 1e-2 for pair in pairs)


def test_selections_are_identical() -> None:
    bench = Bench(sizes=SMALL, device=CPU, precisions=("float32",), advance=lambda macs: None)
    assert [pair.difference for pair in bench.pairs(["selection"])] == [0, 0]


def test_aims_hold_for_the_papers_model_alone() -> None:
    assert Sizes(clips=4, repeats=20).papers
    assert not SMALL.papers
    bench = Bench(sizes=SMALL, device=CPU, precisions=("float32",), advance=lambda macs: None)
    assert [pair.aim for pair in bench.pairs(["joint"])] == [None, None]


def test_a_training_step_trains_and_leaves_no_gradients_behind() -> None:
    model = SMALL.model("joint").build(frames=4, crop=64, num_classes=400)
    before = model.cls.detach().clone()
    clips = torch.randn(2, 4, 3, 64, 64)
    TrainingStep(CPU, torch.float32, model, 2)(lambda: model(clips))
    assert not torch.equal(model.cls, before)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_forward_makes_no_graph() -> None:
    model = SMALL.model("joint").build(frames=4, crop=64, num_classes=400)
    clips = torch.randn(2, 4, 3, 64, 64)
    logits = Forward(CPU, torch.bfloat16)(lambda: model(clips))
    assert logits.dtype == torch.bfloat16 and not logits.requires_grad
