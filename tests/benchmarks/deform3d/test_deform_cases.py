import pytest
import torch

from benchmarks.bench import Bench, Sizes
from benchmarks.deform3d import reference
from benchmarks.deform3d.cases import AIMS, CASES, clip_size, sized
from interface.sizes import PoseClipSize
from models.deform3d.deformable import search
from models.deform3d.model import DeformableTransformer
from tests.models.deform3d.deform_models import built, inputs

SMALL = Sizes(depth=12, width=96, heads=3, frames=4, crop=48, clips=2, repeats=1)
CPU = torch.device("cpu")


def test_all_comparisons_run_and_progress_adds_up_to_their_macs() -> None:
    done: list[float] = []
    bench = Bench(sizes=SMALL, device=CPU, precisions=("float32",), advance=done.append)
    names = []
    for name, case in CASES.items():
        done.clear()
        pairs = list(case.pairs(bench))
        assert sum(done) == pytest.approx(case.macs(bench))
        assert all(pair.difference is None or pair.difference < 1e-4 for pair in pairs)
        assert {pair.name.partition(",")[0].partition(" ")[0] for pair in pairs} == {name}
        names += [pair.name for pair in pairs]
    windows, searches = ("13 joints", "50 joints", "frames"), ("all cells", "eight gathers")
    compared = [
        "deform3d",
        *[f"deform3d-windows {axis}" for axis in windows],
        *[f"deform3d-search against {other}" for other in searches],
    ]
    assert names == [f"{name}, {part}" for name in compared for part in ("forward", "training step")]
    assert {name for _, name, _ in AIMS} <= set(names)


def test_the_published_sizes_are_our_defaults() -> None:
    assert clip_size(Sizes()) == PoseClipSize(12, 112, 112, 13)
    assert sized(Sizes()) == DeformableTransformer.Config()


@pytest.mark.parametrize("modalities", [("rgb", "pose"), ("rgb",), ("pose",)])
def test_the_published_formulation_gives_the_same_logits_and_gradients(modalities: tuple[str, ...]) -> None:
    model, (clips, joints) = built(modalities=modalities), inputs()
    joints[0, :, 2] = 0  # a joint without a place
    found = []
    for logits in (model(clips, joints), reference.logits(clips, joints, model)):
        gradients = torch.autograd.grad(logits.square().sum(), list(model.parameters()))
        found.append(torch.cat([x.flatten() for x in (logits.detach(), *gradients)]))
    torch.testing.assert_close(*found, atol=1e-3, rtol=1e-3)


def test_all_searches_find_the_same_tokens() -> None:
    torch.manual_seed(0)
    z, places = torch.randn(2, 3, 4, 5, 6), torch.rand(2, 3, 4, 5, 3) * torch.tensor([5.0, 6.0, 7.0]) - 1
    expected = search(z, places)
    torch.testing.assert_close(reference.all_cells(z, places), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(reference.eight_gathers(z, places), expected, atol=1e-5, rtol=1e-5)
