"""Motionformer's published formulation: it projects every token, stores every attention map and computes all tokens.

Equations 2 to 6 of Motionformer (https://arxiv.org/abs/2106.05392) with the operations of its released code
(https://github.com/facebookresearch/Motionformer). Each function uses the weights of our module and must have the same
output. Tests compare values and gradients, the cases at the end compare cost: of a model with each attention, of the
selection of prototypes, and of attention over long sequences.
B batch, T frames, S patches per frame, N = 1 + T*S tokens with CLS first, n = T*S, D width, H heads, K = D / H.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.compare import FORWARD, STEP, TARGET, Aims, Case, Comparison, Sizes, formulations, on_cpu, two_models
from interface.sizes import TokenSequenceSize
from models.block import Block
from models.mixers.attention import Mixer, MixerConfig
from models.mixers.divided import DividedAttention, GroupAttention, TimeAttention
from models.mixers.joint import JointAttention
from models.mixers.linformer import Linformer
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer, most_orthogonal
from models.mixers.performer import Performer
from models.mixers.trajectory import TrajectoryAttention
from models.mixers.trajectory_space import Approximation
from models.motionformer.model import Motionformer
from models.sequence.encoder import SequenceEncoder
from models.tokens import Grid
from models.trunk import VideoViT

TRAJECTORY_AIMS: Aims = {**on_cpu(2.3, 1.9), ("cuda", "bfloat16", STEP): 2.5}
ATTENTIONS: dict[str, tuple[MixerConfig, Aims]] = {
    "trajectory": (TrajectoryAttention.Config(), TRAJECTORY_AIMS),
    "trajectory-projected": (TrajectoryAttention.Config(project_values=True), TRAJECTORY_AIMS),
    "joint": (JointAttention.Config(), on_cpu(2.0, 1.6)),
    "divided": (DividedAttention.Config(), on_cpu(0.95, 0.95)),
}
LENGTHS = (1024, 2048, 4096, 8192)
APPROXIMATIONS: dict[str, Approximation | None] = {
    "exact": None,
    "performer": Performer.Config(num_features=256, kernel="two-sided"),
    "nystromformer": Nystromformer.Config(num_prototypes=128, trains_landmarks=True, conv_kernel=35),
    "orthoformer": Orthoformer.Config(num_prototypes=64, candidates="queries-and-keys"),
    "linformer": Linformer.Config(num_prototypes=256),
}


def heads_of(x: Tensor, mixer: JointAttention | TrajectoryAttention) -> list[Tensor]:
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
        case GroupAttention():
            return group(x, mixer, grid)
        case JointAttention():
            return joint(x, mixer, grid)
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


def model_config(sizes: Sizes, attention: MixerConfig) -> Motionformer.Config:
    return Motionformer.Config(
        width=sizes.width, depth=sizes.depth, heads=sizes.heads, attention=attention, drop_path=0.0
    )


def attentions(name: str, sizes: Sizes, device: torch.device) -> Iterator[Comparison]:
    """The model with an attention, and its training step that recomputes trajectories in the backward pass."""
    attention, aims = ATTENTIONS[name]
    torch.manual_seed(0)
    config = model_config(sizes, attention)
    model = config.build(sizes.clip, TARGET).to(device)
    (clips,) = sizes.clip.example(sizes.clips, device)
    macs = sizes.clips * config.executed_macs(sizes.clip, TARGET)

    def ours(recompute: bool) -> Tensor:
        model.recompute(recompute)
        return model(clips)

    published = partial(logits, clips, model)
    yield formulations(name, model, published, partial(ours, False), macs, aims)
    if isinstance(attention, TrajectoryAttention.Config):
        recomputed = formulations(f"{name}, recomputed", model, published, partial(ours, True), macs, aims={})
        yield replace(recomputed, parts=(STEP,))


def selections(sizes: Sizes, device: torch.device) -> Iterator[Comparison]:
    """The greedy selection of 128 prototypes from all tokens, and from the paper's c*R candidates with c = 4."""
    tokens = Motionformer.Config().grid(sizes.clip).tokens
    num_prototypes = min(128, (sizes.crop // 16) ** 2)
    torch.manual_seed(0)
    candidates = torch.randn(sizes.clips * sizes.heads, tokens, sizes.width // sizes.heads, device=device)
    for label, count, aim in (("all", tokens, 2.5), ("4 R", min(4 * num_prototypes, tokens), 8.0)):
        subset = candidates[:, :count].contiguous()
        first = torch.randint(count, (len(subset),), device=device)
        yield Comparison(
            name=f"selection from {label} candidates",
            published=partial(greedy_prototypes, subset, first, num_prototypes),
            ours=partial(most_orthogonal, subset, first, num_prototypes),
            models=None,
            parts=(FORWARD,),
            aims=on_cpu(aim, aim),
        )


def sequences(length: int, sizes: Sizes, device: torch.device) -> Iterator[Comparison]:
    """A training step of the encoder with each attention against exact attention with its map in memory."""
    size, published = TokenSequenceSize(length, vocabulary=512), SequenceEncoder.Config(stores_map=True)
    for name, approximation in APPROXIMATIONS.items():
        ours = SequenceEncoder.Config(approximation=approximation)
        compared = two_models(f"sequences-{length} {name}", (published, ours), size, sizes, device, aims={})
        yield replace(compared, parts=(STEP,))


CASES: dict[str, Case] = {
    "selection": selections,
    **{name: partial(attentions, name) for name in ATTENTIONS},
    **{f"sequences-{length}": partial(sequences, length) for length in LENGTHS},
}
