"""Second and third stage of a block: attention in sliding windows of joints or of frames, and its number of scores.

Algorithms A1 and A2 of the supplementary of https://arxiv.org/abs/2212.05638, which do not say how windows are merged:
here by the mean over the windows of a token. M_pose and M_CLS are in every window of joints, over all frames. In a
window of frames, all tokens attend, and each frame has its own modal tokens.
The terms O(T^2 wnd^2) and O(wnd^2 D_n^2) of Tables A1 and A2 are those of one window, without modal tokens. A score is
a pair of a query and a key in one head.
B batch, L places on the axis, E further places that are in every window, M tokens at a place, n windows, w places of a
window, T frames, R joints, D_n tokens of a frame with its three modal tokens, D width.
"""

import torch
from torch import Tensor

from interface.batches import sent
from models.deform3d.stage import Stage, StageSettings, Tokens
from models.deform3d.windows import WindowIndex, Windows

JOINT_PARTS = ["pose", "of_pose", "cls"]
MODAL = 2  # M_pose and M_CLS


class StrideStage(Stage):
    """Attention within windows. Each token is projected once, and one gather per projection forms the windows."""

    def strided(
        self, x: Tensor, windows: Windows, others: int, read: Tensor | None, num_queries: int | None = None
    ) -> Tensor:
        """New tokens (B, L + E, N, D) of tokens x (B, L + E, M, D).

        Args:
            others: number of places after the axis that are in every window, E.
            read: which tokens are read as keys, (B, L + E, M); None for all.
            num_queries: number of tokens at each place that get new values, the last ones, N; None for all.
        """
        index = windows.index(others, x.device)
        shares = shares_of(windows, others, x)  # (L + E, 1, 1)
        y, first = self.norm(x), 0 if num_queries is None else x.shape[2] - num_queries
        q, kv = gathered(self.attention.q(y[:, :, first:]), index.queries), gathered(self.attention.kv(y), index.keys)
        keys_read = None if read is None else gathered(read, index.keys)  # (B*n, (w + E)*M)
        attended = self.attention.attended(q, kv, keys_read)  # (B*n, (w + E)*N, D)
        attended = attended.unflatten(0, (len(x), -1)).unflatten(2, (index.queries.shape[1], -1))  # (B, n, w + E, N, D)
        x = x[:, :, first:]
        if self.merge == "after FFN":
            copies = x.index_select(1, index.queries.flatten()).unflatten(1, index.queries.shape)
            copies = copies + self.drop(self.attention.proj(attended))
            new = merged(copies + self.drop(self.feed(copies)), index, shares)
            return new if windows.cover_all else torch.where(shares > 0, new, x)
        x = x + self.in_windows(self.attention.proj(merged(attended, index, shares)), windows, shares)
        return x + self.in_windows(self.feed(x), windows, shares)

    def in_windows(self, update: Tensor, windows: Windows, shares: Tensor) -> Tensor:
        """Update (B, L + E, M, D) of tokens after stochastic depth, and 0 for tokens in no window."""
        update = self.drop(update)
        return update if windows.cover_all else update * (shares > 0)


def shares_of(windows: Windows, others: int, x: Tensor) -> Tensor:
    """One over the number of windows of each place, and 0 for places in none: (L + E, 1, 1)."""
    counts = [*windows.counts, *[len(windows)] * others]
    shares = [1 / count if count else 0.0 for count in counts]
    return sent(torch.tensor(shares, dtype=x.dtype), x.device)[:, None, None]


def gathered(x: Tensor, index: Tensor) -> Tensor:
    """Tokens (B, L + E, M, ...) of each window (n, w + E), in one copy: (B*n, (w + E)*M, ...)."""
    places = x.index_select(1, index.flatten()).unflatten(1, index.shape)  # (B, n, w + E, M, ...)
    return places.flatten(2, 3).flatten(0, 1)


def merged(windows: Tensor, index: WindowIndex, shares: Tensor) -> Tensor:
    """Mean (B, L + E, M, D) of the values (B, n, w + E, M, D) of each token over its windows; 0 for tokens in none."""
    sums = windows.new_zeros(len(windows), len(shares), *windows.shape[3:])
    sums = sums.index_add(1, index.queries.flatten(), windows.flatten(1, 2))
    return sums * shares.to(sums.dtype)


def stride_macs(
    settings: StageSettings, windows: Windows, others: int, at_a_place: int, num_queries: int | None = None
) -> int:
    """Multiply-adds of a stage.

    Args:
        others: number of further places in every window, E.
        at_a_place: number of tokens at a place, M.
        num_queries: number of tokens at a place that get new values; None for all.
    """
    num_queries = at_a_place if num_queries is None else num_queries
    places, in_window = windows.length + others, windows.width + others
    copies = len(windows) * in_window * num_queries
    return settings.macs(
        places * at_a_place,
        copies * in_window * at_a_place,
        queries=places * num_queries,
        fed=copies if settings.merge == "after FFN" else None,
    )


class JointStrideStage(StrideStage):
    """Attention within windows of T * (w + 2) tokens."""

    def __init__(self, settings: StageSettings, windows: Windows.Config) -> None:
        super().__init__(settings)
        self.windows = windows

    def forward(self, tokens: Tokens) -> Tokens:
        """Tokens, of which P, M_pose and M_CLS are new. Of the modal tokens, the mean over all windows."""
        x, read = joints_first(tokens)
        windows = self.windows.build(x.shape[1] - MODAL)
        return tokens.updated(JOINT_PARTS, self.strided(x, windows, MODAL, read).transpose(1, 2))


def joints_first(tokens: Tokens) -> tuple[Tensor, Tensor]:
    """Tokens [P, M_pose, M_CLS], joint after joint (B, R + 2, T, D), and which of them are keys (B, R + 2, T)."""
    assert tokens.has_place is not None
    x = torch.cat([tokens.parts[name] for name in JOINT_PARTS], dim=2).transpose(1, 2)  # (B, R + 2, T, D)
    return x, torch.nn.functional.pad(tokens.has_place, (0, MODAL), value=True).transpose(1, 2)


class TemporalStrideStage(StrideStage):
    """Attention within windows of w * D_n tokens.

    Args:
        num_queries: number of modal tokens, CLS last, that alone get new values, because no others are read after this
            stage; None for all tokens.
    """

    def __init__(self, settings: StageSettings, windows: Windows.Config, num_queries: int | None = None) -> None:
        super().__init__(settings)
        self.windows = windows
        self.num_queries = num_queries

    def forward(self, tokens: Tokens) -> Tokens:
        x, names = torch.cat(list(tokens.parts.values()), dim=2), list(tokens.parts)  # (B, T, D_n, D)
        new = self.strided(x, self.windows.build(x.shape[1]), 0, frames_read(tokens), self.num_queries)
        return tokens.updated(names if self.num_queries is None else names[-self.num_queries :], new)


def frames_read(tokens: Tokens) -> Tensor | None:
    """Which tokens are read as keys, (B, T, D_n): all but joints without a place. None if there are no joints."""
    if tokens.has_place is None:
        return None
    before = 0 if tokens.rgb is None else tokens.rgb.shape[2]
    return torch.nn.functional.pad(tokens.has_place, (before, len(tokens.modal)), value=True)


def scores(windows: Windows, others: int, at_a_place: int) -> tuple[int, int]:
    """Scores in a head: of attention of all tokens, ((L + E) M)^2, and of stride attention, ((w + E) M)^2 a window."""
    full, of_window = (((places + others) * at_a_place) ** 2 for places in (windows.length, windows.width))
    return full, len(windows) * of_window
