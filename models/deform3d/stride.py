"""Base of the stride attentions: attention in sliding windows of one axis, and the mean over the windows of a token.

Algorithms A1 and A2 of the supplementary of https://arxiv.org/abs/2212.05638, which do not say how windows are merged.
B batch, L places on the axis, E further places that are in every window, M tokens at a place, n windows, w places of a
window, D width.
"""

import torch
from torch import Tensor

from models.deform3d.stage import Stage, StageSettings
from models.deform3d.windows import WindowIndex, Windows


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
    return torch.tensor(shares, device=x.device, dtype=x.dtype)[:, None, None]


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
