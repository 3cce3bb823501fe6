"""Sliding windows of the stride attentions: which places are queries, and which are their keys.

Algorithms A1 and A2 of the supplementary of https://arxiv.org/abs/2212.05638. Their loops leave out the last place, and
mostly do not end. By default, windows cover all places: the last one ends at the end.
L length of the axis (joints or frames), n windows, w width of a window.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from interface.batches import sent
from interface.ranges import CheckedConfig, Count

# Keys of the window of queries that starts at a place p, with s half of the width:
# "shift": the window s places further, or the last one. The first places are keys of no window.
# "shift+head": as "shift", and a first window whose keys are its queries. Every place is a key.
# "self": the same window.
# "cyclic": the window s places further; after the last place comes the first.
# "printed": the windows that the printed loops give before they end or repeat, paired in order. For a query without a
# partner, the last window of keys. Places in no window are not updated.
Pairing = Literal["shift+head", "shift", "self", "cyclic", "printed"]


class WindowIndex(NamedTuple):
    """Places of the queries and of the keys of each window, (n, w) each."""

    queries: Tensor
    keys: Tensor


@dataclass(frozen=True)
class Windows:
    """Windows on an axis: starts of the queries and of the keys of each window."""

    length: int
    width: int
    query_starts: tuple[int, ...]
    key_starts: tuple[int, ...]

    @dataclass(frozen=True, kw_only=True)
    class Config(CheckedConfig):
        """Windows with a stride of half their width."""

        config_path: ClassVar[str] = "model.{joint,time}_windows"

        window: Count = 4
        """Number of places of a window; an axis that is not longer is one window."""
        pairing: Pairing = "shift+head"
        """Keys of each window of queries."""

        def check(self, path: str, length: int) -> None:
            """Refuse an axis on which the printed loops give no windows. `path` is that of the field."""
            try:
                self.build(length)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None

        def build(self, length: int) -> "Windows":
            """Windows on an axis of this length.

            Raises:
                ValueError: if the printed loops give no windows.
            """
            if self.pairing == "printed":
                return printed_windows(length, self.window)
            width, stride = min(self.window, length), max(1, min(self.window, length) // 2)
            starts = covering_starts(length, width)
            last = length - width
            match self.pairing:
                case "self":
                    keys = starts
                case "cyclic":
                    keys = [(start + stride) % length for start in starts]
                case _:
                    keys = [min(start + stride, last) for start in starts]
            if self.pairing == "shift+head" and keys[0] != 0:
                starts, keys = [0, *starts], [0, *keys]
            return Windows(length, width, tuple(starts), tuple(keys))

    def __len__(self) -> int:
        return len(self.query_starts)

    @property
    def counts(self) -> list[int]:
        """Number of windows that update each place."""
        counts = [0] * self.length
        for start in self.query_starts:
            for place in range(start, start + self.width):
                counts[place] += 1
        return counts

    @property
    def cover_all(self) -> bool:
        return min(self.counts) > 0

    def index(self, others: int, device: torch.device) -> WindowIndex:
        """Index of the places of each window, followed by `others` more places, which follow the axis: (n, w + others).

        A window of keys that ends after the last place goes on with the first.
        """
        places = torch.arange(self.width, device=device)
        every = torch.arange(self.length, self.length + others, device=device).expand(len(self), -1)
        queries, keys = (
            torch.cat([(sent(torch.tensor(starts), device)[:, None] + places) % self.length, every], dim=1)
            for starts in (self.query_starts, self.key_starts)
        )
        return WindowIndex(queries, keys)


def covering_starts(length: int, width: int) -> list[int]:
    """Starts of windows half a width apart, the last of which ends at the end: ceil((L - w) / s) + 1 of them."""
    stride, last = max(1, width // 2), length - width
    return [*range(0, last, stride), last]


def printed_windows(length: int, width: int) -> Windows:
    """Windows that the printed loops give before they end or repeat."""
    queries, keys = printed_query_starts(length, width), printed_key_starts(length, width)
    if not queries or not keys:
        raise ValueError(
            f"the printed loops give {len(queries)} windows of queries and {len(keys)} of keys of {width} of {length} "
            f"places; choose a smaller window or another pairing"
        )
    partners = [keys[min(number, len(keys) - 1)] for number in range(len(queries))]
    return Windows(length, width, tuple(queries), tuple(partners))


def printed_query_starts(length: int, width: int) -> list[int]:
    """Distinct starts of the printed loop over queries, in order. Those before the first place give empty windows."""
    stride, last = width // 2, length - width
    starts, start = [], 0
    while start < last and start not in starts:
        starts.append(start)
        start += stride
        if start > last:
            start -= width
    return [start for start in starts if start >= 0]


def printed_key_starts(length: int, width: int) -> list[int]:
    """Distinct starts of the printed loop over keys. With windows of one place it stays at the first."""
    stride, last = width // 2, length - width
    return list(range(stride, last, stride)) if stride else [0] * (last > 0)
