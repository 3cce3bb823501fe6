from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from models.tensors import frozen_fingerprint, frozen_parameters, load_trained, trained_tensors


def built(seed: int = 0) -> nn.Module:
    """Model with a frozen layer, a trained layer, and a BatchNorm with buffers."""
    torch.manual_seed(seed)
    model = nn.ModuleDict({"image": nn.Linear(3, 2), "norm": nn.BatchNorm1d(2), "head": nn.Linear(2, 3)})
    model["image"].requires_grad_(False)
    return model


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_frozen_parameters_are_those_that_get_no_gradient() -> None:
    model = built()
    assert {name: id(parameter) for name, parameter in frozen_parameters(model)} == {
        "image.weight": id(model.get_parameter("image.weight")),
        "image.bias": id(model.get_parameter("image.bias")),
    }
    assert list(frozen_parameters(nn.Linear(3, 2))) == []


def test_trained_tensors_are_all_but_the_frozen_parameters() -> None:
    model = built()
    buffers = ["norm.running_mean", "norm.running_var", "norm.num_batches_tracked"]
    assert list(trained_tensors(model)) == ["norm.weight", "norm.bias", *buffers, "head.weight", "head.bias"]
    torch.testing.assert_close(trained_tensors(model)["head.bias"], model.get_parameter("head.bias").detach())
    model.get_submodule("norm").requires_grad_(False)  # training changes buffers of frozen layers too
    assert list(trained_tensors(model)) == [*buffers, "head.weight", "head.bias"]


def test_without_frozen_parameters_there_is_no_fingerprint() -> None:
    assert frozen_fingerprint(nn.Linear(3, 2)) is None
    assert frozen_fingerprint(nn.Linear(3, 2).requires_grad_(False)) is not None


def changed_value(model: nn.Module) -> None:
    model.get_parameter("image.weight").data[1, 2] += 1e-7


def changed_sign_of_zero(model: nn.Module) -> None:
    model.get_parameter("image.bias").data[0] *= -1


def changed_name(model: nn.Module) -> None:
    assert isinstance(model, nn.ModuleDict)
    model["picture"] = model.pop("image")


def changed_shape(model: nn.Module) -> None:
    image = model.get_submodule("image")
    image.weight = nn.Parameter(image.get_parameter("weight").data.view(3, 2), requires_grad=False)  # the same bytes


def changed_type(model: nn.Module) -> None:
    image = model.get_submodule("image")
    image.bias = nn.Parameter(image.get_parameter("bias").data.view(torch.int32), requires_grad=False)  # the same bytes


def frozen_too(model: nn.Module) -> None:
    model.get_submodule("head").requires_grad_(False)


@pytest.mark.parametrize(
    "change", [changed_value, changed_sign_of_zero, changed_name, changed_shape, changed_type, frozen_too]
)
def test_a_fingerprint_changes_with_every_property_of_frozen_parameters(change: Callable[[nn.Module], None]) -> None:
    model = built()
    model.get_parameter("image.bias").data[0] = 0.0
    before = frozen_fingerprint(model)
    change(model)
    assert before is not None and frozen_fingerprint(model) not in (None, before)


def test_values_that_swap_their_names_change_the_fingerprint() -> None:
    one, other = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)]), nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    other.load_state_dict({f"{1 - int(name[0])}{name[1:]}": tensor for name, tensor in one.state_dict().items()})
    assert frozen_fingerprint(one.requires_grad_(False)) != frozen_fingerprint(other.requires_grad_(False))


def test_a_fingerprint_depends_on_neither_trained_values_nor_memory_layout() -> None:
    model = built()
    before = frozen_fingerprint(model)
    for name, tensor in trained_tensors(model).items():
        tensor.add_(1)
        assert frozen_fingerprint(model) == before, name
    weight = model.get_parameter("image.weight")
    weight.data = weight.data.T.contiguous().T
    assert not weight.is_contiguous() and frozen_fingerprint(model) == before


def test_a_fingerprint_does_not_change_with_the_order_of_layers() -> None:
    model = built().requires_grad_(False)
    assert isinstance(model, nn.ModuleDict)
    layers = dict(model.items())
    again = nn.ModuleDict({name: layers[name] for name in reversed(layers)})
    assert list(again.state_dict()) != list(model.state_dict())
    assert frozen_fingerprint(again) == frozen_fingerprint(model)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, torch.int8])
def test_every_dtype_has_a_fingerprint(dtype: torch.dtype) -> None:
    model = nn.Module()
    model.scale = nn.Parameter(torch.tensor(3, dtype=dtype), requires_grad=False)
    one = frozen_fingerprint(model)
    model.scale.data.add_(1)
    assert one is not None and frozen_fingerprint(model) != one


def test_trained_tensors_are_loaded_into_a_model_with_the_same_frozen_parameters_alone() -> None:
    source, model = built(), built(seed=1)
    for tensor in trained_tensors(source).values():
        tensor.add_(1)
    before, fingerprint = state(model), frozen_fingerprint(source)
    assert fingerprint is not None
    for other in (model, built().requires_grad_(True)):
        message = (
            rf"^the frozen weights of this model \({frozen_fingerprint(other)}\) are not those that its other weights "
            rf"were trained with \({fingerprint}\): get the weights that were used then, or train again$"
        )
        with pytest.raises(ValueError, match=message):
            load_trained(other, trained_tensors(source), fingerprint)
    torch.testing.assert_close(state(model), before)

    frozen = {name: parameter.detach().clone() for name, parameter in frozen_parameters(source)}
    model.load_state_dict({**model.state_dict(), **frozen})
    load_trained(model, trained_tensors(source), fingerprint)
    torch.testing.assert_close(state(model), state(source))
    assert {name for name, _ in frozen_parameters(model)} == {"image.weight", "image.bias"}
    incomplete = trained_tensors(source)
    del incomplete["norm.running_var"]
    with pytest.raises(RuntimeError, match=r'Missing key.*"norm.running_var"'):
        load_trained(model, incomplete, fingerprint)
