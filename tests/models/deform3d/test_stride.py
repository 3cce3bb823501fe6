"""Stride attention: window by window, equality with attention over all tokens, locality, and numbers of scores.

B batch, L places, E places in every window, M tokens at a place, D width.
"""

import pytest
import torch
from torch import Tensor

from benchmarks.deform3d import attention
from models.deform3d.stage import Merge, StageSettings
from models.deform3d.stride import StrideStage, scores, stride_macs
from models.deform3d.windows import Pairing, Windows
from tests.models.deform3d.deform_models import randomized

D, HEADS = 16, 4
MERGES: tuple[Merge, ...] = ("before FFN", "after FFN")
PAIRINGS: tuple[Pairing, ...] = ("shift+head", "shift", "self", "cyclic", "printed")


def stage(merge: Merge = "before FFN", *, pre_norm: bool = True) -> StrideStage:
    torch.manual_seed(0)
    settings = StageSettings(width=D, heads=HEADS, hidden=24, pre_norm=pre_norm, merge=merge)
    return randomized(StrideStage(settings)).double()


def tokens(length: int, others: int = 2, at_a_place: int = 3, num: int = 2) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(num, length + others, at_a_place, D, dtype=torch.float64)


def windows(length: int, window: int, pairing: Pairing = "shift+head") -> Windows:
    return Windows.Config(window=window, pairing=pairing).build(length)


def naive(layer: StrideStage, x: Tensor, made: Windows, others: int, read: Tensor | None) -> Tensor:
    """The stage window by window, for one item x (L + E, M, D)."""
    every = list(range(made.length, made.length + others))
    places = [
        [[(start + offset) % made.length for offset in range(made.width)] + every for start in starts]
        for starts in (made.query_starts, made.key_starts)
    ]
    y = layer.norm(x)
    found: list[list[Tensor]] = [[] for _ in x]
    for of_queries, of_keys in zip(*places, strict=True):
        keys_read = None if read is None else read[of_keys].flatten()
        out = attention(layer, y[of_queries].flatten(0, 1), y[of_keys].flatten(0, 1), keys_read)
        out = x[of_queries] + out.unflatten(0, (len(of_queries), -1))
        if layer.merge == "after FFN":
            out = out + layer.feed(out)
        for place, one in zip(of_queries, out, strict=True):
            found[place].append(one)
    new = []
    for one, of_windows in zip(x, found, strict=True):
        mean = torch.stack(of_windows or [one]).mean(0)
        new.append(mean + layer.feed(mean) if of_windows and layer.merge == "before FFN" else mean)
    return torch.stack(new)


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize(("length", "window", "others"), [(7, 4, 2), (9, 3, 0), (8, 4, 1), (6, 2, 0), (7, 1, 1)])
def test_the_stage_is_attention_window_by_window(
    length: int, window: int, others: int, pairing: Pairing, merge: Merge
) -> None:
    layer, x, made = stage(merge), tokens(length, others), windows(length, window, pairing)
    read = torch.rand(x.shape[:3], generator=torch.Generator().manual_seed(3)) > 0.3
    read[:, :, 0] = True  # at least one key in each window
    for which in (None, read):
        ours = layer.strided(x, made, others, which)
        for item in range(len(x)):
            expected = naive(layer, x[item], made, others, None if which is None else which[item])
            torch.testing.assert_close(ours[item], expected)


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("pairing", ["shift+head", "shift", "self", "cyclic"])
@pytest.mark.parametrize("window", [5, 6, 80])
def test_one_window_of_all_places_is_full_attention(window: int, pairing: Pairing, merge: Merge) -> None:
    layer, x = stage(merge), tokens(5)
    y = layer.norm(x[0]).flatten(0, 1)
    full = x[0] + attention(layer, y, y, None).unflatten(0, x.shape[1:3])
    full = full + layer.feed(full)
    torch.testing.assert_close(layer.strided(x, windows(5, window, pairing), 2, None)[0], full)


def test_without_pre_norm_attention_reads_the_tokens_themselves() -> None:
    layer, x = stage(pre_norm=False), tokens(5)
    y = x[0].flatten(0, 1)
    full = x[0] + attention(layer, y, y, None).unflatten(0, x.shape[1:3])
    torch.testing.assert_close(layer.strided(x, windows(5, 5), 2, None)[0], full + layer.feed(full))


def test_a_token_changes_only_those_that_share_a_window() -> None:
    layer, x, made = stage(), tokens(12, others=0), windows(12, 4, "self")
    for place in (0, 3, 11):
        changed = x.clone()
        changed[:, place] += 1
        difference = (layer.strided(changed, made, 0, None) - layer.strided(x, made, 0, None)).abs().amax((0, 2, 3))
        sharing = {p for start in made.query_starts if start <= place < start + 4 for p in range(start, start + 4)}
        assert set(difference.nonzero().flatten().tolist()) == sharing


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize(("frames", "joints", "window"), [(3, 13, 4), (12, 25, 4), (2, 5, 8)])
def test_scores_are_those_of_the_closed_forms(frames: int, joints: int, window: int, merge: Merge) -> None:
    made = windows(joints, window)
    settings = StageSettings(width=D, heads=HEADS, hidden=24, pre_norm=False, merge=merge)
    without = settings.macs(
        (joints + 2) * frames, 0, fed=None if merge == "before FFN" else len(made) * (made.width + 2) * frames
    )
    assert stride_macs(settings, made, 2, frames) - without == 2 * D * scores(made, 2, frames)[1]


def test_complexities_of_the_sheets() -> None:
    """Figures of one head of 64 channels with 12 frames, 25 joints and windows of 4."""
    assert scores(windows(25, 4, "shift"), 2, 12) == ((12 * 27) ** 2, 12 * (12 * 6) ** 2)
    assert scores(windows(12, 4, "shift"), 0, 800) == ((12 * 800) ** 2, 5 * (4 * 800) ** 2)


def test_windows_save_the_square_of_the_rest_if_the_stride_divides_it() -> None:
    for length in range(2, 60):
        for window in range(2, length, 2):
            if (length - window) % (window // 2) == 0:
                made = windows(length, window, "self")
                assert length**2 - len(made) * window**2 == (length - window) ** 2
