"""Defaults of ModelConfig, tested with a model whose inputs are not clips."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from experiments.spec.scales import TINY
from interface.ranges import Count
from interface.sizes import InputSize
from interface.targets import ClassTarget, Targets, VerbNounTarget
from models.model import Model, ModelConfig
from runner.store.jobs import run_of_row


@dataclass(frozen=True)
class TwoRows(InputSize):
    """Input size of two rows of `count` numbers."""

    count: int

    kind = "pair of rows"

    @property
    def cost(self) -> int:
        return 2 * self.count

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
        left, right = torch.randn(2, batch_size, self.count, device=device)
        return left, right


class Compared(Model):
    """Classifier of two inputs, with a frozen first layer."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        width: Count = 3

        def check(self, size: InputSize) -> None:
            """Accept any size."""

        def build(self, size: InputSize, targets: Targets) -> "Compared":
            self.check(size)
            return Compared(self, size.cost // 2, targets.num_outputs)

    def __init__(self, config: Config, count: int, num_classes: int) -> None:
        super().__init__()
        self.frozen = nn.Linear(count, config.width)
        self.frozen.requires_grad_(False)
        self.norm = nn.BatchNorm1d(config.width)
        self.head = nn.Linear(config.width, num_classes)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.head(self.norm(self.frozen(left) - self.frozen(right)))


CONFIG, SIZE, TARGET = Compared.Config(), TwoRows(5), ClassTarget(7)


def built(seed: int = 0) -> Compared:
    torch.manual_seed(seed)
    return CONFIG.build(SIZE, TARGET)


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_a_model_takes_only_test_items_of_the_size_of_training_by_default() -> None:
    config = Compared.Config()
    config.check_test_size(TwoRows(4), TwoRows(4))
    with pytest.raises(ValueError) as caught:
        config.check_test_size(TwoRows(4), TwoRows(8))
    assert str(caught.value) == (
        "evaluation.frames: Compared.Config takes only clips with the number of frames of its training; leave it None"
    )


def test_the_default_cost_is_that_of_the_implementation() -> None:
    macs, parameters, trainable = CONFIG.cost(SIZE, TARGET)
    assert macs == CONFIG.executed_macs(SIZE, TARGET) == 2 * 5 * 3 + 3 * 7
    assert trainable == 2 * 3 + 3 * 7 + 7
    assert parameters == trainable + 5 * 3 + 3
    assert CONFIG.cost(SIZE, VerbNounTarget(3, 4)) == (macs, parameters, trainable)


def test_on_the_meta_device_a_model_has_shapes_and_no_memory() -> None:
    model = CONFIG.on_meta(SIZE, TARGET)
    assert {tensor.device.type for tensor in model.state_dict().values()} == {"meta"}
    assert model.eval()(*SIZE.example(2, "meta")).shape == (2, 7)


@pytest.mark.parametrize("row", ["motionformer/table4:trajectory", "msca/table1:kv-2"])
def test_a_model_with_zeros_draws_nothing_and_has_the_constants_of_any_other(row: str) -> None:
    _, run = run_of_row(row, None, TINY, ())
    drawn = run.model.build(run.data.size, run.data.targets)
    state = torch.get_rng_state()
    model = run.model.with_zeros(run.data.size, run.data.targets)
    assert torch.equal(torch.get_rng_state(), state)
    others = dict(drawn.named_parameters()) | dict(drawn.named_buffers())
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        assert tensor.eq(others[name]).all() or not tensor.any(), name
        assert tensor.requires_grad == others[name].requires_grad, name


def test_by_default_a_model_starts_from_random_weights(tmp_path: Path) -> None:
    model = built()
    before = state(model)
    assert CONFIG.initialise(model, tmp_path / "absent") == ()
    torch.testing.assert_close(state(model), before)


def test_by_default_no_released_checkpoint_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "a.pyth"
    message = f"^weights: released checkpoints of Compared.Config cannot be read: {re.escape(str(file))}$"
    with pytest.raises(ValueError, match=message):
        CONFIG.load_released(built(), file, SIZE)


def test_by_default_all_tensors_of_a_parent_are_copied_frozen_and_integer_ones_included() -> None:
    parent, model = built(1), built()
    parent.train()(*SIZE.example(4))
    report = CONFIG.copy_from(model, state(parent))
    torch.testing.assert_close(state(model), state(parent))
    assert set(report.matched) == set(parent.state_dict()) and model.norm.num_batches_tracked == 1
    assert report.reshaped == report.missing == report.unexpected == () and report.source == "the parent run"


def test_by_default_a_parent_of_other_tensors_is_refused() -> None:
    tensors = state(built(1)) | {"tail.count": torch.zeros(7)}
    del tensors["norm.num_batches_tracked"]
    model = built()
    before = state(model)
    lacking = "it lacks norm.num_batches_tracked; it has tail.count, which the model does not have"
    with pytest.raises(ValueError, match=f"^weights: the parent run does not fit this model: {lacking}$"):
        CONFIG.copy_from(model, tensors)
    torch.testing.assert_close(state(model), before)


def test_by_default_a_part_is_refused() -> None:
    model = built()
    before = state(model)
    with pytest.raises(ValueError, match=r"^Compared\.Config has no part 'frozen' that another run can fill$"):
        CONFIG.copy_from(model, state(built(1)), "frozen")
    torch.testing.assert_close(state(model), before)


def test_what_only_some_models_can_do_has_a_default() -> None:
    model = built()
    assert CONFIG.tiny() is CONFIG and CONFIG.identical_blocks == 0
    model.recompute(True)
    with pytest.raises(ValueError, match=r"^optim\.layer_decay: Compared does not assign layers"):
        model.layer_of("head.weight")
    with pytest.raises(ValueError, match=r"^Compared has no attention maps"):
        model.attention_maps()
