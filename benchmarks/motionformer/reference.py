"""Published formulation: it projects every token, stores every attention map and computes all tokens of every block.

Equations 2 to 6 of Motionformer (https://arxiv.org/abs/2106.05392) with the operations of its released code
(https://github.com/facebookresearch/Motionformer). Each function uses the weights of our module and must have the same
output. Tests compare values and gradients, benchmarks compare cost.
B batch, T frames, S patches per frame, N = 1 + T*S tokens with CLS first, n = T*S, D width, H heads, K = D / H.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from models.block import Block
from models.mixers.attention import Mixer
from models.mixers.divided import GroupAttention, TimeAttention
from models.mixers.joint import JointAttention
from models.mixers.trajectory import TrajectoryAttention
from models.tokens import Grid
from models.trunk import VideoViT


def heads_of(x: Tensor, mixer: JointAttention | GroupAttention | TrajectoryAttention) -> list[Tensor]:
    """Queries, keys and values by head: (B, H, N, K) each."""
    return [t.unflatten(-1, (mixer.heads, -1)).transpose(1, 2) for t in mixer.qkv(x).chunk(3, dim=-1)]


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax attention for queries that are already scaled, with its map in memory."""
    return (q @ k.mT).softmax(dim=-1) @ v


def joint(x: Tensor, mixer: JointAttention, grid: Grid) -> Tensor:
    """Joint space-time attention: equation 2."""
    q, k, v = heads_of(x, mixer)
    outputs = ((q @ k.mT) * q.shape[-1] ** -0.5).softmax(dim=-1) @ v  # (B, H, N, K)
    return mixer.proj(outputs.transpose(1, 2).flatten(2))


def group(x: Tensor, mixer: GroupAttention, grid: Grid) -> Tensor:
    """Half of equation 3: patches attend to CLS and their group, CLS attends to all tokens."""
    q, k, v = heads_of(x, mixer)
    q = q * q.shape[-1] ** -0.5
    cls = attention(q[:, :, :1], k, v)  # (B, H, 1, K)
    over_time = isinstance(mixer, TimeAttention)

    def groups(t: Tensor) -> Tensor:
        by_frame = t[:, :, 1:].unflatten(2, (grid.frames, grid.patches))  # (B, H, T, S, K)
        return by_frame.transpose(2, 3) if over_time else by_frame

    def with_cls(t: Tensor) -> Tensor:
        members = groups(t)
        return torch.cat([t[:, :, None, :1].expand(-1, -1, members.shape[2], -1, -1), members], dim=3)

    outputs = attention(groups(q), with_cls(k), with_cls(v))  # (B, H, groups, members, K)
    outputs = (outputs.transpose(2, 3) if over_time else outputs).flatten(2, 3)  # (B, H, n, K)
    return mixer.proj(torch.cat([cls, outputs], dim=2).transpose(1, 2).flatten(2))


def trajectory(x: Tensor, mixer: TrajectoryAttention, grid: Grid) -> Tensor:
    """Trajectory attention: equations 4 to 6. Temporal keys and values are projected even if they are not used."""
    q, k, v = heads_of(x, mixer)
    cls = attention(q[:, :, :1] * q.shape[-1] ** -0.5, k, v)  # (B, H, 1, K)
    y = trajectories(q[:, :, 1:], k[:, :, 1:], v[:, :, 1:], mixer.config.normalize_over, grid)  # (B, n, T, D)
    patches = temporal_attention(y, mixer, grid) if mixer.config.temporal == "attention" else y.mean(dim=2)  # (B, n, D)
    return mixer.proj(torch.cat([cls.transpose(1, 2).flatten(2), patches], dim=1))


def trajectories(q: Tensor, k: Tensor, v: Tensor, normalize_over: str, grid: Grid) -> Tensor:
    """Equation 4: heads (B, H, n, K) to (B, n, T, D)."""
    scores = (q @ k.mT).unflatten(-1, (grid.frames, grid.patches)) * q.shape[-1] ** -0.5  # (B, H, n, T, S)
    maps = scores.softmax(dim=-1) if normalize_over == "space" else scores.flatten(3).softmax(dim=-1).view_as(scores)
    by_frame = v.unflatten(2, (grid.frames, grid.patches))  # (B, H, T, S, K)
    outputs = torch.einsum("bhqts,bhtsk->bhqtk", maps, by_frame)
    return outputs.permute(0, 2, 3, 1, 4).flatten(3)


def temporal_attention(y: Tensor, mixer: TrajectoryAttention, grid: Grid) -> Tensor:
    """Equations 5 and 6: trajectories (B, n, T, D) to (B, n, D)."""
    by_frame = y.unflatten(1, (grid.frames, grid.patches))  # (B, T, S, T, D)
    own = by_frame.diagonal(dim1=1, dim2=3).permute(0, 3, 1, 2).flatten(1, 2)  # (B, n, D)
    query = mixer.proj_q(own).unflatten(-1, (mixer.heads, -1)).transpose(1, 2)  # (B, H, n, K)
    projected = (t.unflatten(-1, (mixer.heads, -1)).permute(0, 3, 1, 2, 4) for t in mixer.proj_kv(y).chunk(2, dim=-1))
    key, value = projected  # (B, H, n, T, K)
    if not mixer.config.project_values:
        value = y.unflatten(-1, (mixer.heads, -1)).permute(0, 3, 1, 2, 4)
    weights = torch.einsum("bhqk,bhqtk->bhqt", query * query.shape[-1] ** -0.5, key).softmax(dim=-1)
    return torch.einsum("bhqt,bhqtk->bhqk", weights, value).transpose(1, 2).flatten(2)


def mixer_output(x: Tensor, mixer: Mixer, grid: Grid) -> Tensor:
    """Output of a mixer for tokens (B, N, D)."""
    match mixer:
        case JointAttention():
            return joint(x, mixer, grid)
        case GroupAttention():
            return group(x, mixer, grid)
        case TrajectoryAttention():
            return trajectory(x, mixer, grid)
    raise TypeError(f"{type(mixer).__name__} has no published formulation here")


def block(x: Tensor, module: Block, grid: Grid) -> Tensor:
    """Output of one block for all tokens."""
    for norm, mixer, drop in zip(module.norms, module.mixers, module.drops, strict=True):
        assert isinstance(mixer, Mixer)
        x = x + drop(mixer_output(norm(x), mixer, grid))
    return x + module.mlp_drop(module.mlp(module.mlp_norm(x)))


def logits(clip: Tensor, model: VideoViT) -> Tensor:
    """Logits (B, C) of a model for clips (B, F, 3, height, width)."""
    x, grid = model.embedded(clip)  # (B, N, D)
    for module in model.blocks:
        assert isinstance(module, Block)
        x = block(x, module, grid)
    return model.head(model.norm(x)[:, 0])


def greedy_prototypes(candidates: Tensor, first: Tensor, num_prototypes: int) -> Tensor:
    """Released selection of prototypes: each next candidate has the smallest maximal |cosine| to those selected.

    All cosines are stored, and compared again for each selection.

    Args:
        candidates: (G, L, K).
        first: (G,) index of the first selected candidate.

    Returns:
        Indices (G, R) in order of selection.
    """
    directions = F.normalize(candidates, dim=-1)
    G, L, _ = candidates.shape
    rows = torch.arange(G, device=candidates.device)
    is_selected = torch.zeros(G, L, dtype=torch.bool, device=candidates.device)
    is_selected[rows, first] = True
    cosines = candidates.new_empty(G, L, num_prototypes)
    selected = [first]
    for count in range(1, num_prototypes):
        last = directions[rows, selected[-1]]  # (G, K)
        cosines[:, :, count - 1] = torch.einsum("glk,gk->gl", directions, last).abs()
        so_far = cosines[:, :, :count]
        so_far[is_selected] = 10
        selected.append(so_far.amax(dim=-1).argmin(dim=-1))
        is_selected[rows, selected[-1]] = True
    return torch.stack(selected, dim=1)
