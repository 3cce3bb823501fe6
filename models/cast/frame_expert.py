"""Experts that see single frames: image ViTs from timm.

B batch, F frames of the clip, T frames that the expert sees, S patches per frame, N = 1 + S tokens, D width.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from interface.ranges import Positive
from interface.sizes import ClipSize, InputSize
from models.cast.expert import NORM_MACS, Expert, ExpertBlock, ExpertConfig, Layout
from models.cast.released import CLIP_NAMES, EVA_NAMES, INNER, reshaped, resized_positions
from models.checkpoints import OUTSIDE, read_tensors, renamed, without_prefix
from models.mixers.attention import cls_attention
from models.tensors import Converted, LoadReport, Tensors, fill
from models.trunk import reset_linear

if TYPE_CHECKING:
    from timm.layers.attention import Attention
    from timm.models.eva import Eva
    from timm.models.vision_transformer import Block, VisionTransformer

SLOPE = 1.702  # of QuickGELU
# Classifiers, projections to other spaces, and text encoders.
UNUSED = ("head.*", "proj", OUTSIDE)


class QuickGELU(nn.Module):
    """Activation of CLIP (https://arxiv.org/abs/2103.00020): x sigmoid(1.702 x).

    As silu(1.702 x) / 1.702, it saves one tensor for the backward pass instead of two.
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(SLOPE * x).mul_(1 / SLOPE)


class FrameExpert(Expert):
    """Image ViT on the last of every `tubelet` frames. Its parameters are those of timm's model, under `vit`."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ExpertConfig):
        framewise: ClassVar[bool] = True

        def check(self, size: InputSize) -> None:
            super().check(size)
            clip = ClipSize.of(size)
            if clip.height != clip.width:
                raise ValueError(f"clip: {clip.height}x{clip.width} pixels; an image expert takes squares")

    vit: "VisionTransformer | Eva"

    def __init__(self, config: Config, layout: Layout, vit: "VisionTransformer | Eva") -> None:
        super().__init__(layout)
        self.tubelet = config.tubelet
        self.vit = vit
        self.vit.apply(partial(reset_linear, std=config.linear_std))

    def embedded(self, clip: Tensor, in_time: Tensor | None = None) -> Tensor:
        """Input tokens (B*T, N, D) of the first block."""
        if clip.shape[1] != (built := self.tubelet * self.layout.grid.frames):
            raise ValueError(f"clip: {clip.shape[1]} frames; the model was built for {built}")
        frames = clip[:, self.tubelet - 1 :: self.tubelet].flatten(0, 1)  # (B*T, 3, height, width)
        patches = self.vit.patch_embed(frames)  # (B*T, S, D)
        cls, positions = self.vit.cls_token, self.vit.pos_embed
        assert cls is not None and positions is not None
        x = torch.cat([cls.expand(len(patches), -1, -1), patches], dim=1) + positions  # (B*T, N, D)
        if in_time is not None:
            x = (x.unflatten(0, (len(clip), -1)) + in_time.unsqueeze(2)).flatten(0, 1)
        return self.vit.norm_pre(x)

    def block(self, number: int) -> ExpertBlock:
        block = cast("Block", self.vit.blocks[number])
        return ExpertBlock(block.norm1, block.attn, block.norm2, block.mlp)

    def attention_over_time(self, block: int, x: Tensor) -> Tensor:
        """Attention among the tokens of the same place in all frames."""
        by_place = x.unflatten(0, (-1, self.layout.grid.frames)).transpose(1, 2)  # (B, N, T, D)
        out = self.attention_module(block)(by_place.flatten(0, 1))  # (B*N, T, D)
        return out.view_as(by_place).transpose(1, 2).flatten(0, 1)

    def attention_module(self, block: int) -> "Attention":
        return cast("Attention", cast("Block", self.vit.blocks[block]).attn)

    def layer_of(self, parameter: str) -> int:
        _, part, *rest = parameter.split(".")
        if part == "blocks":
            return int(rest[0]) + 1
        return len(self.vit.blocks) + 1 if part == "norm" else 0


class ImageExpert(FrameExpert):
    """ViT of images: CLIP's (https://arxiv.org/abs/2103.00020) or ImageNet's."""

    @dataclass(frozen=True, kw_only=True)
    class Config(FrameExpert.Config):
        """Settings; the defaults are those of CLIP ViT-B/16."""

        label: ClassVar[str] = "Image ViT"
        pre_norm: bool = True
        """Whether the tokens are normalised before the first block; the patch projection then has no bias."""
        quick_gelu: bool = True
        """Whether the activation is x sigmoid(1.702 x) instead of GELU."""
        norm_eps: Positive = 1e-5

        def build(self, size: InputSize) -> "ImageExpert":
            from timm.layers.norm import LayerNorm  # here: timm takes a second to import
            from timm.models.vision_transformer import VisionTransformer

            vit = VisionTransformer(
                img_size=ClipSize.of(size).height,
                patch_size=self.patch,
                num_classes=0,
                embed_dim=self.width,
                depth=self.depth,
                num_heads=self.heads,
                mlp_ratio=self.mlp_ratio,
                pre_norm=self.pre_norm,
                norm_layer=partial(LayerNorm, eps=self.norm_eps),
                act_layer=QuickGELU if self.quick_gelu else nn.GELU,
            )
            return ImageExpert(self, self.layout(size), vit)

        def macs(self, size: InputSize) -> int:
            return super().macs(size) + self.pre_norm * NORM_MACS * self.layout(size).num_tokens * self.width

        def load(self, expert: Expert, path: Path) -> LoadReport:
            tensors = without_prefix(read_tensors(path), "visual.")
            names = renamed(expert.state_dict(), (INNER, *(CLIP_NAMES if "class_embedding" in tensors else ())))

            def convert(source: Tensors, wanted: Tensors) -> dict[str, Converted]:
                return reshaped(source, wanted) | resized_positions(source, wanted, names["vit.pos_embed"])

            return fill(expert, tensors, names, source=path.name, convert=convert, known_unexpected=UNUSED)

    def cls_attention(self, block: int, x: Tensor) -> Tensor:
        """Attention of CLS to its frame: (B*T, 1, D)."""
        attention = self.attention_module(block)
        return attention.proj(cls_attention(x, attention.qkv, attention.num_heads))


class EvaExpert(FrameExpert):
    """EVA-02-CLIP (https://arxiv.org/abs/2303.15389): rotary positions, gated MLPs, LayerNorms inside both halves."""

    @dataclass(frozen=True, kw_only=True)
    class Config(FrameExpert.Config):
        """Settings; the defaults are those of EVA02-CLIP-B/16."""

        label: ClassVar[str] = "EVA"
        mlp_ratio: Positive = 8 / 3

        def build(self, size: InputSize) -> "EvaExpert":
            from timm.models.eva import Eva  # here: timm takes a second to import

            vit = Eva(
                img_size=ClipSize.of(size).height,
                patch_size=self.patch,
                num_classes=0,
                global_pool="token",
                embed_dim=self.width,
                depth=self.depth,
                num_heads=self.heads,
                mlp_ratio=self.mlp_ratio,
                qkv_fused=False,
                swiglu_mlp=True,
                scale_mlp=True,
                scale_attn_inner=True,
                use_rot_pos_emb=True,
                ref_feat_shape=(16, 16),
            )
            return EvaExpert(self, self.layout(size), vit)

        def mlp_macs(self, num_tokens: int) -> int:
            """Multiply-adds of a gated MLP, and of the LayerNorms inside both halves."""
            D, hidden = self.width, int(self.width * self.mlp_ratio)
            return num_tokens * (3 * D * hidden + NORM_MACS * (D + hidden))

        def load(self, expert: Expert, path: Path) -> LoadReport:
            tensors = without_prefix(read_tensors(path), "visual.")
            of_authors = "blocks.0.mlp.w1.weight" in tensors
            names = renamed(expert.state_dict(), (INNER, *(EVA_NAMES if of_authors else ())))
            unused = (*UNUSED, "rope.*", "blocks.*.attn.rope.*")
            return fill(expert, tensors, names, source=path.name, known_unexpected=unused)

    def block(self, number: int) -> ExpertBlock:
        block = super().block(number)
        return block._replace(attention=partial(block.attention, rope=self.vit.rope.get_embed()))  # pyright: ignore
