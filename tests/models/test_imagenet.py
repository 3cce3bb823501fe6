"""Locations of the weight files of image ViTs. No network is needed or used."""

from pathlib import Path
from unittest.mock import Mock

import huggingface_hub.constants
import pytest
import timm
import torch
from huggingface_hub.errors import RepositoryNotFoundError

from models.imagenet import ImageNet, MissingWeightsError, weights_folder

NAME = "vit_base_patch16_224.orig_in21k_ft_in1k"
PAPERS_NAME = "vit_base_patch16_224.orig_in21k"
WEIGHTS = ImageNet.Config(name=NAME)


def no_network(*_: object, **__: object) -> None:
    raise ConnectionError("no network")


@pytest.fixture(autouse=True)
def empty_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", no_network)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path / "weights"))


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({}, path)
    return path


def test_a_missing_file_raises_one_line_with_its_url_and_path(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        WEIGHTS.find(weights_folder())
    file = f"https://huggingface.co/timm/{NAME}/resolve/main/model.safetensors"
    target = f"{tmp_path}/weights/{NAME}.safetensors"
    assert str(caught.value) == f"weights: no {NAME} here, and no network: get {file}, save it as {target}"


def test_weights_in_a_repository_of_another_name_are_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def url(repository: str, file: str) -> str:
        if "quickgelu" in repository:
            raise RepositoryNotFoundError("no such repository", response=Mock())
        return f"https://huggingface.co/{repository}/{file}"

    monkeypatch.setattr("huggingface_hub.hf_hub_url", url)
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda *_, **__: None)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda repository, file: f"{repository}/{file}")
    found = ImageNet.Config(name="vit_base_patch16_clip_quickgelu_224.openai").find(tmp_path / "weights")
    assert found == Path("timm/vit_base_patch16_clip_224.openai/model.safetensors")


def test_a_repository_that_only_some_may_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RepositoryNotFoundError("gated", response=Mock())

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", refuse)
    with pytest.raises(MissingWeightsError, match=f"get https://huggingface.co/timm/{NAME}/"):
        WEIGHTS.find(tmp_path / "weights")


OLDER = "jx_vit_base_p16_224-80ecf9dd.pth"  # in older versions of timm


@pytest.mark.parametrize(
    "name",
    [
        *(f"weights/{NAME}{suffix}" for suffix in (".safetensors", ".pth", ".bin", ".npz")),
        *(f"{folder}/{OLDER}" for folder in ("torch/hub/checkpoints", "weights")),
    ],
)
def test_a_file_in_the_weights_folder_or_in_torchs_cache_is_found_without_a_download(name: str, tmp_path: Path) -> None:
    assert WEIGHTS.local(weights_folder()) is None
    file = made(tmp_path / name)
    assert WEIGHTS.find(weights_folder()) == WEIGHTS.local(weights_folder()) == file


def test_the_hubs_cache_is_read_without_a_network_and_without_timm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ImageNet.Config, "published", no_network)
    repository = tmp_path / "hub" / f"models--timm--{NAME}"
    made(repository / "refs" / "main").write_text("c0ffee")
    file = made(repository / "snapshots" / "c0ffee" / "model.safetensors")
    assert WEIGHTS.find(weights_folder()) == file


def test_an_unknown_name_raises_an_error_with_similar_names(tmp_path: Path) -> None:
    unknown = ImageNet.Config(name="vit_base_patch16_224.orig_in22k")
    with pytest.raises(
        ValueError,
        match=f"model.init.name: timm has no weights named 'vit_base_patch16_224.orig_in22k'; near are .*{PAPERS_NAME}",
    ):
        unknown.find(tmp_path)
    assert timm.is_model_pretrained(NAME) and timm.is_model_pretrained(PAPERS_NAME)


def test_the_weights_folder_is_set_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert weights_folder() == tmp_path / "weights"
    monkeypatch.delenv("PRETRAINED_WEIGHTS")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert weights_folder() == tmp_path / ".cache" / "video-weights"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert weights_folder() == tmp_path / "cache" / "video-weights"
