"""What a GPU would object to, seen without one: tensors of two devices, numbers read back, dtypes that differ."""

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from experiments.catalog import CAPTIONS, load
from experiments.scales import TINY
from models.trunk import VideoViT

CLIPS = 2
# The draws of approximations, which are made on the CPU so as to be alike on every device.
MOVES = {torch.ops.aten._to_copy.default}


Size = tuple[VideoViT.Config, int, int]  # model, frames, crop
SIZES: dict[Size, str] = {
    (cell.run.model, cell.run.data.frames, cell.run.data.crop): f"{name}:{cell.row.key}"
    for name in CAPTIONS
    for cell in load(name).cells(TINY)
    if cell.run is not None
}
each_size = pytest.mark.parametrize("size", SIZES, ids=SIZES.values())


class Crossings(TorchDispatchMode):
    """Notes every operation that reads tensors of two devices: on a GPU it waits, or fails."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        made = func(*args, **(kwargs or {}))
        devices = {t.device.type for t in tree_leaves((args, kwargs or {})) if isinstance(t, Tensor)}
        if len(devices) > 1 and func not in MOVES:
            self.found.append(str(func))
        return made


def on_meta(size: Size) -> tuple[VideoViT, Tensor]:
    config, frames, crop = size
    with torch.device("meta"):
        return config.build(frames=frames, crop=crop, num_classes=10), torch.empty(CLIPS, frames, 3, crop, crop)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("dtype", [None, torch.float16], ids=str)
@each_size
def test_a_forward_on_a_gpu_reads_nothing_of_the_cpu(
    size: Size, dtype: torch.dtype | None, training: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
    model, clips = on_meta(size)
    with FakeTensorMode(allow_non_fake_inputs=True):  # any .item() or nonzero() raises
        model, clips = model.to_empty(device="cuda"), torch.empty_like(clips, device="cuda")
        with Crossings() as crossings, torch.autocast("cuda", dtype=dtype, enabled=dtype is not None):
            logits = model.train(training)(clips)
    assert (logits.device.type, logits.dtype) == ("cuda", dtype or torch.float32)
    assert not crossings.found


@pytest.mark.parametrize("recompute", [False, True], ids=["kept", "recomputed"])
@each_size
def test_gradients_are_where_their_parameters_are(size: Size, recompute: bool) -> None:
    model, clips = on_meta(size)  # autograd cannot go back on a CUDA device that is not there
    model.recompute_attention(recompute)
    with Crossings() as crossings:
        model.train()(clips).sum().backward()
    assert all(p.grad is not None and p.grad.device == p.device and p.grad.dtype == p.dtype for p in model.parameters())
    assert not crossings.found
