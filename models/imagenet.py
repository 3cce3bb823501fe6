"""Sources of initial weights: files of image ViTs by their names in timm, and the base class of other sources."""

import difflib
import os
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from timm.models import PretrainedCfg

HUB_FILES = ("model.safetensors", "pytorch_model.bin")


class MissingWeightsError(FileNotFoundError):
    """Weight file that is neither here nor can be downloaded. The message says, in one line, where to save it."""


@dataclass(frozen=True, kw_only=True)
class InitialWeights(ABC):
    """Source of initial weights."""

    @abstractmethod
    def find(self, folder: Path) -> Path:
        """Path of the weight file, in a directory of downloaded weights or elsewhere.

        Raises:
            MissingWeightsError: with the file to download and the path to save it at.
        """

    def local(self, folder: Path) -> Path | None:
        """Path of the weight file on this machine; None if it is not there. Override it if `find` downloads."""
        try:
            return self.find(folder)
        except MissingWeightsError:
            return None


class ImageNet:
    """Pretrained weights of an image ViT."""

    @dataclass(frozen=True, kw_only=True)
    class Config(InitialWeights):
        name: str
        """Name of the weights in timm, e.g. vit_base_patch16_224.orig_in21k."""

        def find(self, folder: Path) -> Path:
            """Path of the weight file: in `folder`, in the caches of torch.hub and Hugging Face Hub, or downloaded."""
            if found := self.local(folder):
                return found
            from huggingface_hub.errors import RepositoryNotFoundError  # here: slow to import, like timm

            repository, original = f"timm/{self.name}", ""
            try:
                downloaded = hub_file(repository)
            except RepositoryNotFoundError:  # few weights are elsewhere
                published, downloaded = self.published(), None
                repository, original = str(published.hf_hub_id or ""), str(published.url or "")
                with suppress(RepositoryNotFoundError):  # which one is, too, that only some may read
                    downloaded = hub_file(repository)
            if downloaded:
                return downloaded
            source = f"https://huggingface.co/{repository}/resolve/main/{HUB_FILES[0]}" if repository else original
            target = folder / f"{self.name}{Path(source).suffix}"
            raise MissingWeightsError(
                f"weights: no {self.name} here, and no network: get {source}, save it as {target}"
            )

        def local(self, folder: Path) -> Path | None:
            """Path of the weight file in `folder` or a cache, without a download; None if it is in neither."""
            named = (folder / f"{self.name}{suffix}" for suffix in (".safetensors", ".pth", ".bin", ".npz"))
            if found := next(filter(Path.exists, named), None) or cached_hub_file(f"timm/{self.name}"):
                return found
            folders = [folder, Path(torch.hub.get_dir(), "checkpoints")]
            if not any(map(Path.is_dir, folders)):
                return None  # without timm, which takes seconds to import
            published = self.published()
            older = (one / Path(str(published.url)).name for one in folders if published.url)
            return next(filter(Path.exists, older), None) or cached_hub_file(str(published.hf_hub_id or ""))

        def published(self) -> "PretrainedCfg":
            """Record of the weights in timm."""
            import timm  # here: timm takes a second to import, which the resolution of configs does not need

            if not timm.is_model_pretrained(self.name):
                near = ", ".join(difflib.get_close_matches(self.name, timm.list_pretrained("vit*"), n=3, cutoff=0))
                raise ValueError(f"model.init.name: timm has no weights named {self.name!r}; near are {near}")
            published = timm.get_pretrained_cfg(self.name)
            assert published is not None
            return published


def hub_file(repository: str) -> Path | None:
    """Weight file of a Hugging Face Hub repository, downloaded; None if it cannot be, as without a network.

    Raises:
        RepositoryNotFoundError: if the Hub has no such repository.
    """
    import huggingface_hub as hub  # here: slow to import, like timm
    from huggingface_hub.errors import RepositoryNotFoundError

    for file in HUB_FILES if repository else ():
        try:
            # This request does not retry. Without a network, a download retries for half a minute.
            hub.get_hf_file_metadata(hub.hf_hub_url(repository, file), timeout=5)
            return Path(hub.hf_hub_download(repository, file))
        except RepositoryNotFoundError:
            raise
        except Exception:  # many libraries raise network errors of their own; the caller reports a missing file
            continue
    return None


def cached_hub_file(repository: str) -> Path | None:
    """Cached weight file of a Hugging Face Hub repository; None if there is none."""
    import huggingface_hub as hub  # here: slow to import, like timm

    cached = (hub.try_to_load_from_cache(repository, file) for file in HUB_FILES if repository)
    return next((Path(file) for file in cached if isinstance(file, str)), None)


def weights_folder() -> Path:
    """Directory of downloaded weights: $PRETRAINED_WEIGHTS, or a folder in $XDG_CACHE_HOME or ~/.cache."""
    user_cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("PRETRAINED_WEIGHTS") or Path(user_cache, "video-weights")).expanduser()
