import pickle
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models.checkpoints import check_checksums, read_tensors
from models.saved_weights import WeightsError
from models.tensors import Converted, LoadReport, fill


def linear_weights() -> dict[str, Tensor]:
    return {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


@pytest.mark.parametrize("key", ["model_state", "state_dict", "model", "module", None])
@pytest.mark.parametrize("prefix", ["", "module."], ids=["plain", "distributed"])
def test_tensors_are_read_from_every_checkpoint_layout(key: str | None, prefix: str, tmp_path: Path) -> None:
    weights = {prefix + name: tensor for name, tensor in linear_weights().items()}
    torch.save(
        {key: weights, "epoch": 3, "cfg": "A: 1", "optimizer_state": {}} if key else weights, tmp_path / "a.pyth"
    )
    read = read_tensors(tmp_path / "a.pyth")
    assert list(read) == ["weight", "bias"]
    torch.testing.assert_close(read, linear_weights())


def test_tensors_of_a_safetensors_file_are_read(tmp_path: Path) -> None:
    save_file(linear_weights(), tmp_path / "a.safetensors")
    torch.testing.assert_close(read_tensors(tmp_path / "a.safetensors"), linear_weights())


def deepspeed_checkpoint(folder: Path, prefix: str = "") -> Path:
    """Checkpoint of half-precision training, with the other content that DeepSpeed writes."""
    weights = {prefix + name: tensor.half() for name, tensor in linear_weights().items()}
    optimizer = {"cur_scale": 128.0, "dynamic_loss_scale": True, "fp32_groups_flat": [torch.zeros(8)], "clip_grad": 0.0}
    content = {
        "module": OrderedDict(weights),
        "buffer_names": [],
        "optimizer": {**optimizer, "optimizer_state_dict": {"state": {0: {"step": 3}}, "param_groups": [{"lr": 0.1}]}},
        "param_shapes": [OrderedDict((name, tensor.shape) for name, tensor in weights.items())],
        "lr_scheduler": None,
        "csr_tensor_module_names": set(),
        "skipped_steps": 0,
        "dp_world_size": 16,
        "ds_config": {"fp16": {"enabled": True}},
        "args": Namespace(batch_size=6, model="vit", data=Path("/data").name),
        "epoch": 49,
    }
    folder.mkdir(parents=True)
    torch.save(content, folder / "mp_rank_00_model_states.pt")
    return folder / "mp_rank_00_model_states.pt"


@pytest.mark.parametrize("prefix", ["", "backbone.", "encoder."])
def test_half_precision_weights_of_a_deepspeed_checkpoint_are_copied_to_single_precision(
    prefix: str, tmp_path: Path
) -> None:
    tensors, model = read_tensors(deepspeed_checkpoint(tmp_path / "a", prefix)), nn.Linear(3, 2)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    report = fill(model, tensors, {name: prefix + name for name in linear_weights()}, source="file")
    assert report.matched == (f"{prefix}weight", f"{prefix}bias")
    assert {name: p.dtype for name, p in model.named_parameters()} == {"weight": torch.float32, "bias": torch.float32}
    torch.testing.assert_close(dict(model.state_dict()), linear_weights())


@pytest.mark.parametrize("tag", [".", "checkpoint-49"])
def test_the_error_for_a_folder_of_deepspeed_names_its_file(tag: str, tmp_path: Path) -> None:
    file = deepspeed_checkpoint(tmp_path / "run" / tag)
    with pytest.raises(ValueError) as error:
        read_tensors(tmp_path / "run")
    assert str(error.value) == f"weights: {tmp_path / 'run'} is a folder, not a checkpoint; name {file}"


class Harmful:
    """Object whose unpickling executes code."""

    ran = False

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (setattr_ran, ("yes",))


def setattr_ran(_: str) -> None:
    Harmful.ran = True


def damaged(kind: str, folder: Path) -> Path:
    path = folder / "weights.pyth"
    match kind:
        case "missing":
            pass
        case "folder":
            path.mkdir()
        case "empty":
            path.touch()
        case "text":
            path.write_text("<html>404 Not Found</html>")
        case "noise":
            path.write_bytes(bytes(range(256)) * 20)
        case "pickled object":
            torch.save({"model_state": linear_weights(), "cfg": Harmful()}, path)
        case "pickle":
            path.write_bytes(pickle.dumps(Harmful()))
        case "pickled model":
            torch.save(nn.Linear(3, 2), path)
        case "truncated" | "truncated before zip" | "a few bytes":
            torch.save({"model_state": {"weight": torch.randn(100, 100)}}, path)
            if kind == "truncated before zip":
                torch.save({"a": torch.randn(100, 100)}, path, _use_new_zipfile_serialization=False)
            path.write_bytes(path.read_bytes()[: 10 if kind == "a few bytes" else 20000])
        case "TorchScript":
            torch.jit.save(torch.jit.script(nn.Linear(3, 2)), path)
        case "tensor":
            torch.save(torch.zeros(3), path)
        case "zeros" | "a bit":
            torch.save({"model_state": {"weight": torch.randn(100, 100)}}, path)
            content = bytearray(path.read_bytes())
            content[20000:30000] = bytes(10000) if kind == "zeros" else content[20000:29999] + bytes([7])
            path.write_bytes(content)
        case "nested lists":
            torch.save({"model_state": [[[torch.zeros(1)]]]}, path)
        case "changed npz":
            path = folder / "weights.npz"
            np.savez(path, a=np.zeros(1000), b=np.arange(1000))
            content = bytearray(path.read_bytes())
            content[4000] ^= 1
            path.write_bytes(content)
        case "tensors by number":
            torch.save({0: torch.zeros(3), 1: torch.zeros(3)}, path)
        case "no weights":
            torch.save({"epoch": 3, "cfg": "A: 1"}, path)
        case "truncated safetensors" | "empty safetensors" | "missing safetensors":
            path = folder / "weights.safetensors"
            save_file(linear_weights(), path)
            path.write_bytes(path.read_bytes()[: 0 if kind == "empty safetensors" else -5])
            if kind == "missing safetensors":
                path.unlink()
        case "truncated npz" | "other npz":
            path = folder / "weights.npz"
            np.savez(path, a=np.zeros(1000))
            if kind == "truncated npz":
                path.write_bytes(path.read_bytes()[:500])
    return path


@pytest.mark.filterwarnings("ignore:Detected pickle protocol", "ignore::UserWarning", "ignore:.torch.jit:FutureWarning")
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("zeros", "is damaged: weights/data/0 differs from its checksum; remove it and get it again"),
        ("a bit", "is damaged: weights/data/0 differs from its checksum; remove it and get it again"),
        ("nested lists", "holds no model_state; its top-level keys: model_state"),
        ("changed npz", "is damaged: a.npy differs from its checksum"),
        ("missing", "there is no file"),
        ("folder", "is a folder"),
        ("empty", "cut short or damaged"),
        ("text", "damaged"),
        ("noise", "damaged"),
        ("pickled object", r"holds a pickled \S*setattr_ran, which could run code"),
        ("pickle", "holds pickled objects, which are not read; remove it and get it again"),
        ("pickled model", r"holds a pickled torch.nn.modules.linear.Linear, which could run code"),
        ("truncated", "cut short or damaged"),
        ("truncated before zip", "cut short or damaged"),
        ("a few bytes", "damaged"),
        ("TorchScript", r"is a TorchScript archive, which contains code; save its tensors first: .*'weights.pyth'"),
        ("tensor", "holds a Tensor, not a checkpoint"),
        ("tensors by number", "holds no model_state; its top-level keys: 0, 1"),
        ("no weights", "holds no model_state; its top-level keys: epoch, cfg"),
        ("truncated safetensors", "cut short or damaged"),
        ("empty safetensors", "cut short or damaged"),
        ("missing safetensors", "there is no file"),
        ("truncated npz", "cut short or damaged"),
        ("other npz", "no ViT in Google's npz format"),
    ],
)
def test_a_bad_file_raises_one_line_with_its_path_and_executes_no_code(kind: str, message: str, tmp_path: Path) -> None:
    path = damaged(kind, tmp_path)
    with pytest.raises((WeightsError, FileNotFoundError), match=message) as caught:
        read_tensors(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert not Harmful.ran


@pytest.mark.parametrize("crc", [True, False])
@pytest.mark.parametrize("zipped", [True, False])
def test_files_without_checksums_are_read_and_recognised(crc: bool, zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "weights.pyth"
    torch.serialization.set_crc32_options(crc)
    try:
        torch.save({"model_state": linear_weights()}, path, _use_new_zipfile_serialization=zipped)
    finally:
        torch.serialization.set_crc32_options(True)
    torch.testing.assert_close(read_tensors(path), linear_weights())
    assert check_checksums(path) == (crc and zipped)


def filled(tensors: dict[str, Tensor], missing: tuple[str, ...] = (), unexpected: tuple[str, ...] = ()) -> LoadReport:
    names = {"weight": "fc.weight", "bias": "fc.bias"}
    return fill(nn.Linear(3, 2), tensors, names, source="file", known_missing=missing, known_unexpected=unexpected)


def test_the_report_lists_every_key() -> None:
    tensors = {"fc.weight": torch.zeros(2, 3), "odd.one": torch.zeros(1)}
    report = filled(tensors, missing=("*.bias",), unexpected=("odd.*",))
    assert report == LoadReport(
        source="file", matched=("fc.weight",), reshaped=(), missing=("fc.bias",), unexpected=("odd.one",)
    )
    assert str(report) == "file: 1 tensors loaded, 1 left unchanged (fc.bias), 1 of the file unused (odd.one)"


def test_converted_tensors_replace_those_of_the_file_and_use_up_their_origins() -> None:
    model = nn.Linear(3, 2)
    tensors = {"weight": torch.ones(3, 2), "upper": torch.ones(1), "lower": torch.zeros(1)}
    converted = {
        "weight": Converted(torch.full((2, 3), 7.0), ("weight",)),
        "bias": Converted(torch.tensor([1.0, 0.0]), ("upper", "lower")),
    }
    names = {"weight": "weight", "bias": "bias"}
    report = fill(model, tensors, names, source="file", convert=lambda *_: converted)
    assert report == LoadReport(source="file", matched=(), reshaped=("weight", "bias"), missing=(), unexpected=())
    assert (model.weight == 7).all() and model.bias.tolist() == [1, 0]
    assert tensors["weight"].shape == (3, 2)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"fc.weight": torch.zeros(2, 3)}, "does not fit this model: it lacks fc.bias$"),
        (
            {"fc.weight": torch.zeros(2, 3), "fc.bias": torch.zeros(2), "odd": torch.zeros(1)},
            "it has odd, which the model does not have$",
        ),
        (
            {"fc.weight": torch.zeros(4, 3), "fc.bias": torch.zeros(2)},
            r"of another shape: fc.weight \(4, 3\) for \(2, 3\)$",
        ),
        ({"fc.weight": torch.full((2, 3), torch.nan), "fc.bias": torch.zeros(2)}, "not finite: fc.weight$"),
        (
            {"fc.weight": torch.zeros(2, 3), "fc.bias": torch.zeros(2, dtype=torch.long)},
            "not floating point: fc.bias$",
        ),
        (
            {f"layer{i}.weight": torch.zeros(1) for i in range(9)},
            "it lacks fc.weight, fc.bias; it has layer0.weight, .*, layer3.weight and 5 more, "
            "which the model does not have$",
        ),
    ],
)
def test_a_key_that_is_not_known_raises_an_error_with_its_name(tensors: dict[str, Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        filled(tensors)
    assert "\n" not in str(caught.value)


def test_integer_buffers_are_copied_like_weights() -> None:
    source, model = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    for _ in range(2):
        source.train()(torch.randn(5, 2))
    names = {name: name for name in model.state_dict()}
    report = fill(model, source.state_dict(), names, source="file")
    assert "num_batches_tracked" in report.matched and model.num_batches_tracked == 2
    torch.testing.assert_close(dict(model.state_dict()), dict(source.state_dict()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight": torch.ones(2, dtype=torch.long)}, "not floating point: weight$"),
        ({"running_var": torch.ones(2, dtype=torch.bool)}, "not floating point: running_var$"),
        (
            {"num_batches_tracked": torch.tensor(2.7)},
            "does not fit this model: floating point instead of integers: num_batches_tracked$",
        ),
        (
            {"num_batches_tracked": torch.tensor(2.0), "bias": torch.full((2,), torch.inf)},
            "not finite: bias; floating point instead of integers: num_batches_tracked$",
        ),
    ],
    ids=["weight", "buffer", "count", "both"],
)
def test_integers_and_floating_point_are_not_converted_into_each_other(
    changes: dict[str, Tensor], message: str
) -> None:
    model = nn.BatchNorm1d(2)
    names = {name: name for name in model.state_dict()}
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        fill(model, {**before, **changes}, names, source="file")
    torch.testing.assert_close(dict(model.state_dict()), before)
