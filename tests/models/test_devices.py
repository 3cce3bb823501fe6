"""Errors on a GPU that are detected without one: tensors of two devices, synchronisation, differing dtypes."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from experiments.spec.catalog import captions, load
from experiments.spec.ids import canonical
from experiments.spec.scales import TINY
from interface.sizes import InputSize
from interface.targets import ClassTarget
from models.model import ModelConfig

ITEMS, TARGET = 2, ClassTarget(10)
# Copies of the random numbers of approximations, which are drawn on the CPU to be the same on every device.
MOVES = {torch.ops.aten._to_copy.default}


# All models of all tables whose inputs have one size, with this size. Others read their inputs one by one.
MODELS: dict[tuple[ModelConfig, InputSize], str] = {
    (cell.run.model, cell.run.data.size): f"{name}:{cell.row.key}"
    for name in captions()
    for cell in load(name).cells(TINY)
    if cell.run is not None and cell.run.data.size.is_uniform
}


def settings_of(value: object, path: str = "") -> Iterator[str]:
    """Settings of a config. Any positive number is 1: models that differ in such numbers have the same operations."""
    match value:
        case dict():
            for name, part in value.items():
                yield from settings_of(part, f"{path}.{name}")
        case list():
            for part in value:
                yield from settings_of(part, path)
        case _:
            yield f"{path}={1 if isinstance(value, int | float) and value > 0 else value}"


# A model is tested if it has a setting, in its class, that none before has. All others are tested in slow tests.
SETTINGS = [{f"{type(config)}{part}" for part in settings_of(canonical(config))} for config, _ in MODELS]
each_model = pytest.mark.parametrize(
    ("config", "size"),
    [
        pytest.param(*model, id=name, marks=[] if settings - set().union(*SETTINGS[:place]) else [pytest.mark.slow])
        for place, ((model, name), settings) in enumerate(zip(MODELS.items(), SETTINGS, strict=True))
    ],
)


@pytest.fixture(autouse=True)
def nothing_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fake tensors know no pinned memory."""
    monkeypatch.setattr(Tensor, "pin_memory", lambda tensor: tensor)


class Crossings(TorchDispatchMode):
    """Records every operation with inputs on two devices, which synchronises or fails on a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        made = func(*args, **(kwargs or {}))
        devices = {t.device.type for t in tree_leaves((args, kwargs or {})) if isinstance(t, Tensor)}
        if len(devices) > 1 and func not in MOVES:
            self.found.append(str(func))
        return made


@pytest.mark.parametrize(
    ("dtype", "training"),
    [
        pytest.param(torch.float16, True, id="training"),
        pytest.param(None, False, id="evaluation", marks=pytest.mark.slow),
    ],
)
@each_model
def test_a_forward_pass_on_a_gpu_uses_no_cpu_tensor(
    config: ModelConfig,
    size: InputSize,
    dtype: torch.dtype | None,
    training: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
    model, inputs = config.on_meta(size, TARGET), size.example(ITEMS, "meta")
    with FakeTensorMode(allow_non_fake_inputs=True):  # any .item() or nonzero() raises
        model, inputs = model.to_empty(device="cuda"), [torch.empty_like(one, device="cuda") for one in inputs]
        with Crossings() as crossings, torch.autocast("cuda", dtype=dtype, enabled=dtype is not None):
            logits = model.train(training)(*inputs)
    assert (logits.device.type, logits.dtype) in {("cuda", dtype or torch.float32), ("cuda", torch.float32)}
    assert not crossings.found


@pytest.mark.parametrize(
    "recompute", [pytest.param(True, id="recomputed"), pytest.param(False, id="kept", marks=pytest.mark.slow)]
)
@each_model
def test_gradients_have_the_device_and_dtype_of_their_parameters(
    config: ModelConfig, size: InputSize, recompute: bool
) -> None:
    model = config.on_meta(size, TARGET)  # a backward pass on CUDA needs a CUDA device
    model.recompute(recompute)
    with Crossings() as crossings:
        model.train()(*size.example(ITEMS, "meta")).sum().backward()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert all(p.grad is not None and p.grad.device == p.device and p.grad.dtype == p.dtype for p in trained)
    assert not crossings.found
