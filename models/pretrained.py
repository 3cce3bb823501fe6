"""Where a VideoViT's first weights come from: ImageNet ViTs, released Motionformer models, other runs.

Follows Motionformer's released code (https://github.com/facebookresearch/Motionformer), whose names for tensors
(models/authors.py) are the common language of all three sources.
"""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.authors import authors_names, reshaped_tensors, unread_names
from models.checkpoints import LoadReport, checkpoint_tensors, fill, is_known, read_checkpoint, read_tensors
from models.mixers.trajectory import TrajectoryAttention

if TYPE_CHECKING:
    from models.trunk import VideoViT

RELEASED_AT = "https://dl.fbaipublicfiles.com/motionformer"
HUB_FILES = ("model.safetensors", "pytorch_model.bin")

# What comes and goes with the attention.
ATTENTIONS = ("*.attn.proj_q.*", "*.attn.proj_kv.*", "*.timeattn.*", "*.norm3.*")
# What comes and goes with the tokens and the positions.
INPUTS = ("patch_embed.proj.*", "patch_embed_3d.proj.*", "pos_embed", "temp_embed", "st_embed")
# What starts afresh for other classes and other lengths of clip.
RESTARTED = ("head.*", "temp_embed")


class ImageNet:
    """Weights of an image ViT, its patch projection inflated to the central frame of each cube."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """`name`: timm's.

        Differs from the paper, which says ImageNet-21k: the released code, with which the printed numbers were made,
        loads jx_vit_base_p16_224, which is these weights: ImageNet-21k, then tuned on ImageNet-1k. What the paper says
        is vit_base_patch16_224.orig_in21k.
        """

        name: str = "vit_base_patch16_224.orig_in21k_ft_in1k"

        def find(self, folder: Path) -> Path:
            """The file, from `folder`, a cache of torch or the hub, or, with a network, the hub.

            Raises:
                ValueError: where timm has no such weights.
                FileNotFoundError: in one line: which file to get and where to put it.
            """
            import timm  # here: configs are resolved without the second that timm takes

            if not timm.is_model_pretrained(self.name):
                near = ", ".join(difflib.get_close_matches(self.name, timm.list_pretrained("vit*"), n=3, cutoff=0))
                raise ValueError(f"model.init.name: timm has no weights named {self.name!r}; near are {near}")
            published = timm.get_pretrained_cfg(self.name)
            assert published is not None
            repository, original = str(published.hf_hub_id or ""), str(published.url or "")
            places = [folder / f"{self.name}{suffix}" for suffix in (".safetensors", ".pth", ".bin", ".npz")]
            if original:
                places += [folder / Path(original).name, torch_cache() / Path(original).name]
            if found := next((place for place in places if place.exists()), None) or hub_file(repository):
                return found
            source = f"https://huggingface.co/{repository}/resolve/main/{HUB_FILES[0]}" if repository else original
            target = folder / f"{self.name}{Path(source).suffix}"
            raise FileNotFoundError(f"weights: no {self.name} here, and no network: get {source}, save it as {target}")

    @staticmethod
    def load(model: "VideoViT", path: Path) -> LoadReport:
        """Fill a model from an image ViT; what images do not have stays as it was."""
        known = (*ATTENTIONS, "temp_embed", "pre_logits.*", "head.*")
        return fill_from(model, read_tensors(path), path.name, known_missing=known, known_unexpected=("head.*",))


class Released:
    """Weights of a released Motionformer model as a start on other data: SSv2 and EPIC-Kitchens start from Kinetics."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """`name`: the file's, as the authors publish it."""

        name: str = "k400_motionformer_224_16x4"

        def find(self, folder: Path) -> Path:
            """The file, from `folder` or torch's cache.

            Raises:
                FileNotFoundError: in one line: which file to get and where to put it.
            """
            file = f"{self.name}.pyth"
            for place in (folder / file, torch_cache() / file):
                if place.exists():
                    return place
            raise FileNotFoundError(f"weights: no {file} here: get it from {RELEASED_AT}/ and put it into {folder}")

    @staticmethod
    def load(model: "VideoViT", path: Path) -> LoadReport:
        """Fill a model with what it shares with the released one."""
        return fill_with_shared(model, read_tensors(path), path.name)


def initialise(model: "VideoViT", config: "VideoViT.Config", folder: Path | None = None) -> LoadReport | None:
    """Give a fresh model the first weights that its config names, or none.

    Args:
        folder: where weights are kept; by default $PRETRAINED_WEIGHTS or ~/.cache/video-weights.
    """
    match config.init:
        case None:
            return None
        case ImageNet.Config():
            return ImageNet.load(model, config.init.find(folder or weights_folder()))
        case Released.Config():
            return Released.load(model, config.init.find(folder or weights_folder()))


def load_released(model: "VideoViT", path: Path) -> LoadReport:
    """Fill the very model that a released Motionformer checkpoint holds.

    Raises:
        ValueError: where any key finds no place, but those that the authors' model holds and never reads.
    """
    content = read_checkpoint(path)
    settings = str(content.get("cfg", ""))
    check_values(model, settings, path.name)
    tensors, unread = checkpoint_tensors(content, path), unread_names(model)
    report = fill_from(model, tensors, path.name, known_missing=(), known_unexpected=unread)
    return replace(report, settings=settings)


def copy_matching(model: "VideoViT", tensors: Mapping[str, Tensor]) -> LoadReport:
    """Start a model from another VideoViT's tensors: what both have is copied, classifiers of other classes are not.

    Patches come from cubes and cubes from patches, joint positions from those in space.
    """
    source = {theirs: tensors[ours] for ours, theirs in authors_names(tensors).items()}
    return fill_with_shared(model, source, "the run it starts from")


def fill_with_shared(model: "VideoViT", source: Mapping[str, Tensor], name: str) -> LoadReport:
    """Copy what a model shares with one of another attention, input, clip length or number of classes.

    A part is known to differ only where the other side has none of it: half a part is an error.
    """
    parts = (*ATTENTIONS, *INPUTS)
    names = authors_names(model.state_dict()).values()
    lacking = tuple(part for part in parts if not any(is_known(key, (part,)) for key in source))
    unused = tuple(part for part in parts if not any(is_known(key, (part,)) for key in names))
    return fill_from(
        model,
        source,
        name,
        known_missing=(*lacking, *RESTARTED),
        known_unexpected=(*unused, "head0.*", "head1.*"),
    )


def fill_from(
    model: "VideoViT",
    source: Mapping[str, Tensor],
    name: str,
    *,
    known_missing: tuple[str, ...],
    known_unexpected: tuple[str, ...],
) -> LoadReport:
    """Copy tensors under the authors' names into a model, reshaping those that space, time or heads call for."""
    own = model.state_dict()
    names = authors_names(own)
    wanted = {theirs: own[ours] for ours, theirs in names.items()}
    made = reshaped_tensors(source, wanted, model.positions.side)
    origins = {origin for tensor in made.values() for origin in tensor.origins}
    return fill(
        model,
        {**source, **{key: tensor.value for key, tensor in made.items()}},
        names,
        source=name,
        reshaped={key: tensor.origins for key, tensor in made.items()},
        known_missing=known_missing,
        known_unexpected=(*known_unexpected, *origins),
    )


def check_values(model: nn.Module, settings: str, source: str) -> None:
    """Both ways of taking the values fit the same weights: the settings in the file say which one they learnt with."""
    stated = re.search(r"USE_ORIGINAL_TRAJ_ATTN_CODE:\s*(true|false)", settings, flags=re.IGNORECASE)
    for mixer in model.modules():
        if isinstance(mixer, TrajectoryAttention) and stated:
            projected = stated[1].lower() == "false"
            if mixer.config.project_values != projected:
                has = f"attention.project_values={mixer.config.project_values}"
                raise ValueError(f"weights: {source} was trained with project_values={projected}, this model has {has}")


def hub_file(repository: str) -> Path | None:
    """A hub repository's weights from its cache or, where the hub answers, from the network."""
    import huggingface_hub as hub  # here: like timm, it is slow to import

    if not repository:
        return None
    for file in HUB_FILES:
        if isinstance(cached := hub.try_to_load_from_cache(repository, file), str):
            return Path(cached)
    for file in HUB_FILES:
        try:
            # Asked first because it does not retry: without a network, a download tries for half a minute.
            hub.get_hf_file_metadata(hub.hf_hub_url(repository, file), timeout=5)
            return Path(hub.hf_hub_download(repository, file))
        except Exception:  # a network fails in the ways of many libraries; the caller says what to do
            continue
    return None


def torch_cache() -> Path:
    """Where torch.hub keeps checkpoints."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def weights_folder() -> Path:
    """Where people put weights: $PRETRAINED_WEIGHTS or ~/.cache/video-weights."""
    return Path(os.environ.get("PRETRAINED_WEIGHTS", "~/.cache/video-weights")).expanduser()
