"""Published formulation of the 3D deformable transformer: it stores all attention maps and projects copies of windows.

Algorithms A1 to A3 of the supplementary of https://arxiv.org/abs/2212.05638, with our windows, merging and order.
The sum over all cells of the grid is a product of matrices here, and not three loops.
The cases at the end time it against ours as a whole, our windows against full attention, and the token search.
B batch, T frames, n windows or places, M tokens at a place, D width.
"""

from collections.abc import Iterator
from functools import partial
from itertools import product

import torch
from torch import Tensor, nn

from benchmarks.compare import TARGET, Case, Comparison, Sizes, formulations, on_cpu, pooled
from interface.sizes import PoseClipSize
from models.deform3d.backbone import STRIDE, MixedConvNet
from models.deform3d.deformable import DeformableStage, joined, reference_places, search
from models.deform3d.model import DeformableTransformer
from models.deform3d.stage import Block, Stage, StageSettings, Tokens
from models.deform3d.stride import (
    MODAL,
    JointStrideStage,
    StrideStage,
    TemporalStrideStage,
    frames_read,
    joints_first,
    stride_macs,
)
from models.deform3d.windows import Windows

JOINTS, JOINTS_OF_TWO = 13, 50  # of one body in Penn Action, and of two in NTU RGB+D


def logits(clips: Tensor, joints: Tensor, model: DeformableTransformer) -> Tensor:
    """Logits (B, C) of clips and joints."""
    tokens = model.embedding(clips, joints)
    for block in model.blocks:
        assert isinstance(block, Block) and block.cls_route == "chain"
        for stage in block.stages.values():
            assert isinstance(stage, Stage)
            tokens = after(stage, tokens)
    return model.head(tokens.modal)


def after(stage: Stage, tokens: Tokens) -> Tokens:
    if isinstance(stage, DeformableStage):
        return deformable(stage, tokens)
    if isinstance(stage, JointStrideStage):
        x, read = joints_first(tokens)
        x = strided(stage, x, stage.windows.build(x.shape[1] - MODAL), MODAL, read).transpose(1, 2)
        return tokens.updated(["pose", "of_pose", "cls"], x)
    assert isinstance(stage, TemporalStrideStage)
    x = torch.cat(list(tokens.parts.values()), dim=2)
    read = frames_read(tokens)
    return tokens.updated(list(tokens.parts), strided(stage, x, stage.windows.build(x.shape[1]), 0, read))


def deformable(stage: DeformableStage, tokens: Tokens) -> Tokens:
    """Tokens after 3D deformable attention (Algorithm A3)."""
    x, grid = joined(tokens), tokens.grid
    y = stage.norm(x)
    keys = y
    if stage.search is not None:
        z = y[:, :, : grid.patches].unflatten(2, (grid.height, grid.width))
        found = eight_gathers(z, stage.search.places(z)).flatten(2, 3)
        keys = torch.cat([found, y[:, :, grid.patches :]], dim=2)
    attended = attention(stage, y.flatten(1, 2), keys.flatten(1, 2), None).unflatten(1, x.shape[1:3])
    x = x + attended
    return tokens.updated(["rgb", "of_rgb", "cls"], x + stage.feed(x))


def strided(stage: StrideStage, x: Tensor, windows: Windows, others: int, read: Tensor | None) -> Tensor:
    """Tokens (B, L + E, M, D) after stride attention (Algorithms A1 and A2), merged before the feed-forward network."""
    assert stage.merge == "before FFN" and windows.cover_all
    index, y = windows.index(others, x.device), stage.norm(x)
    queries = torch.stack([y[:, places] for places in index.queries], dim=1)  # (B, n, w + E, M, D)
    keys = torch.stack([y[:, places] for places in index.keys], dim=1)
    keys_read = None if read is None else torch.stack([read[:, places] for places in index.keys], dim=1).flatten(2)
    attended = attention(stage, queries.flatten(2, 3), keys.flatten(2, 3), keys_read).view_as(queries)
    sums, counts = torch.zeros_like(x), x.new_zeros(x.shape[1])
    for number, places in enumerate(index.queries):
        sums = sums.index_add(1, places, attended[:, number].to(sums.dtype))
        counts[places] += 1
    x = x + sums / counts[:, None, None]
    return x + stage.feed(x)


def attention(stage: Stage, queries: Tensor, keys: Tensor, read: Tensor | None) -> Tensor:
    """Multi-head attention of tokens (..., n, D) to tokens (..., L, D), from explicit maps."""
    layer = stage.attention
    k, v = layer.kv(keys).chunk(2, dim=-1)
    q, k, v = (x.unflatten(-1, (layer.heads, -1)).transpose(-3, -2) for x in (layer.q(queries), k, v))
    scores = q @ k.mT * q.shape[-1] ** -0.5  # (..., H, n, L)
    if read is not None:
        scores = scores.masked_fill(~read[..., None, None, :], float("-inf"))
    return layer.proj((scores.softmax(dim=-1) @ v).transpose(-3, -2).flatten(-2))


def all_cells(z: Tensor, places: Tensor) -> Tensor:
    """Tokens z (B, T, rows, columns, D) found at places (B, ..., 3): the printed sum over all cells of the grid."""
    points = places.flatten(1, -2)
    t, y, x = (tents(points[..., axis], size) for axis, size in enumerate(z.shape[1:4]))  # (B, n, size) each
    phi = (t[..., :, None, None] * y[..., None, :, None] * x[..., None, None, :]).flatten(2)  # (B, n, T*S)
    return (phi.to(z.dtype) @ z.flatten(1, 3)).unflatten(1, places.shape[1:-1])


def tents(places: Tensor, size: int) -> Tensor:
    """max(0, 1 - |p - r|) of places (B, n) for each of the cells of an axis: (B, n, size)."""
    return (1 - (places.unsqueeze(-1) - torch.arange(size, device=places.device)).abs()).clamp(min=0)


def eight_gathers(z: Tensor, places: Tensor) -> Tensor:
    """Tokens z (B, T, rows, columns, D) found at places (B, ..., 3): a weighted sum of the eight tokens around each."""
    sizes, points = z.shape[1:4], places.flatten(1, -2)
    below = points.floor()
    found = z.new_zeros(*points.shape[:2], z.shape[-1])
    for corner in product((0, 1), repeat=3):
        cells = below + torch.tensor(corner, device=z.device)  # (B, n, 3)
        weights = (1 - (points - cells).abs()).prod(-1)
        limits = torch.tensor(sizes, device=z.device) - 1
        inside = ((cells >= 0) & (cells <= limits)).all(-1)
        t, y, x = cells.clamp(min=0).minimum(limits).long().unbind(-1)
        numbers = (t * sizes[1] + y) * sizes[2] + x  # (B, n)
        tokens = z.flatten(1, 3).gather(1, numbers.unsqueeze(-1).expand(-1, -1, z.shape[-1]))
        found = found + tokens * (weights * inside).unsqueeze(-1).to(z.dtype)
    return found.unflatten(1, places.shape[1:-1])


def clip_size(sizes: Sizes) -> PoseClipSize:
    """Size of a clip: three quarters of the frames and half of the sides of the other papers' clips."""
    side = max(STRIDE, sizes.crop // 2 // STRIDE * STRIDE)
    return PoseClipSize(max(1, sizes.frames * 3 // 4), side, side, JOINTS)


def sized(sizes: Sizes) -> DeformableTransformer.Config:
    """Model of the benchmark's size: a third of ViT-B's width, two thirds of its heads and a sixth of its depth."""
    return DeformableTransformer.Config(
        backbone=MixedConvNet.Config(width=max(1, sizes.width // 12)),
        heads=max(1, sizes.heads * 2 // 3),
        depth=max(1, sizes.depth // 6),
    )


def whole(sizes: Sizes, device: torch.device) -> Iterator[Comparison]:
    torch.manual_seed(0)
    model = sized(sizes).build(clip_size(sizes), TARGET).to(device).eval()
    clips, joints = clip_size(sizes).example(sizes.clips, device)
    macs = sizes.clips * sized(sizes).macs(clip_size(sizes), TARGET)
    both = partial(logits, clips, joints, model), partial(model, clips, joints)
    yield formulations("deform3d", model, *both, macs, on_cpu(1.0, 1.0))


class Strided(nn.Module):
    """Stage whose windows slide over places with several tokens each."""

    def __init__(self, settings: StageSettings, windows: Windows) -> None:
        super().__init__()
        self.stage = StrideStage(settings)
        self.windows = windows

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, L, M, D) after the stage."""
        return self.stage.strided(x, self.windows, 0, None)


def windows_against_full_attention(sizes: Sizes, device: torch.device) -> Iterator[Comparison]:
    """The stride attentions, and attention over all tokens, which are other models."""
    clip, settings = clip_size(sizes), sized(sizes).settings()
    for axis, length, at_a_place in (
        (f"{JOINTS} joints", JOINTS, clip.frames),
        (f"{JOINTS_OF_TWO} joints", JOINTS_OF_TWO, clip.frames),
        ("frames", clip.frames, sized(sizes).tokens_per_frame(clip)),
    ):
        torch.manual_seed(0)
        x = torch.randn(sizes.clips, length, at_a_place, settings.width, device=device)
        windows = Windows.Config().build(length)
        full = Strided(settings, Windows.Config(window=length).build(length)).to(device)
        ours = Strided(settings, windows).to(device)
        yield Comparison(
            name=f"deform3d-windows {axis}",
            published=pooled(partial(full, x), sizes.clips),
            ours=pooled(partial(ours, x), sizes.clips),
            models=(full, ours),
            is_equal=False,
            macs=sizes.clips * stride_macs(settings, windows, 0, at_a_place),
            aims=on_cpu(1.0, 1.0) if axis == "frames" else {},
        )


class Searched(nn.Module):
    """Tokens and the places where they are searched, both trained."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        config = sized(sizes)
        grid = config.grid(clip_size(sizes))
        self.z = nn.Parameter(torch.randn(sizes.clips, *grid, config.width))
        places = reference_places(grid, torch.device("cpu"))
        self.places = nn.Parameter(places + 0.5 * torch.randn(sizes.clips, *grid, 3))


def searches(sizes: Sizes, device: torch.device) -> Iterator[Comparison]:
    """The token search against the printed sum over all cells, and against eight gathers."""
    torch.manual_seed(0)
    model = Searched(sizes).to(device)
    macs = sizes.clips * sized(sizes).grid(clip_size(sizes)).tokens * 8 * sized(sizes).width
    for name, other, aims in (("all cells", all_cells, on_cpu(1.0, 1.0)), ("eight gathers", eight_gathers, {})):
        theirs, ours = (pooled(partial(each, model.z, model.places), sizes.clips) for each in (other, search))
        yield formulations(f"deform3d-search against {name}", model, theirs, ours, macs, aims)


CASES: dict[str, Case] = {
    "deform3d": whole,
    "deform3d-windows": windows_against_full_attention,
    "deform3d-search": searches,
}
