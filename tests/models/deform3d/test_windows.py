"""Sliding windows: complete, of closed form, and next to the printed pseudo-code, which leaves tokens out.

L length, w width, s stride.
"""

from itertools import pairwise

import pytest
import torch

from models.deform3d.windows import (
    Pairing,
    Windows,
    covering_starts,
    printed_key_starts,
    printed_query_starts,
    printed_windows,
)

ALL = [(length, window) for length in range(1, 65) for window in range(1, 81)]
COVERING: tuple[Pairing, ...] = ("shift+head", "shift", "self", "cyclic")
MOST_STEPS = 500


def windows(length: int, window: int, pairing: Pairing = "shift+head") -> Windows:
    return Windows.Config(window=window, pairing=pairing).build(length)


def places(starts: tuple[int, ...], width: int, length: int) -> set[int]:
    return {(start + offset) % length for start in starts for offset in range(width)}


def printed_queries(length: int, wnd: int) -> tuple[list[int], bool]:
    """Starts of the windows of the printed loop over queries, and whether it ends within MOST_STEPS."""
    stride = wnd // 2
    starts, i = [], 0
    for _ in range(MOST_STEPS):
        if not i < length - wnd:
            return starts, True
        starts.append(i)
        i = i + stride
        if i > length - wnd:
            i = i - wnd
    return starts, False


def printed_keys(length: int, wnd: int) -> tuple[list[int], bool]:
    """Starts of the windows of the printed loop over keys, and whether it ends within MOST_STEPS."""
    stride = wnd // 2
    starts, i = [], stride
    for _ in range(MOST_STEPS):
        if not i < length - wnd:
            return starts, True
        starts.append(i)
        i = i + stride
    return starts, False


def printed_places(starts: list[int], wnd: int, length: int) -> set[int]:
    """Places in the slices [i : i + wnd] of the printed loop."""
    return {place for start in starts for place in range(length)[start : start + wnd]}


def test_starts_are_sorted_unique_and_in_range_and_their_windows_cover_all_places() -> None:
    for length, window in ALL:
        width = min(window, length)
        starts = covering_starts(length, width)
        assert starts == sorted(set(starts)) and starts[0] >= 0 and starts[-1] == length - width
        assert places(tuple(starts), width, length) == set(range(length))
        stride = max(1, width // 2)
        assert all(0 < b - a <= stride for a, b in pairwise(starts))
        assert len(starts) == -(-(length - width) // stride) + 1


@pytest.mark.parametrize("pairing", COVERING)
def test_each_window_of_queries_has_one_of_keys_of_the_same_width(pairing: Pairing) -> None:
    for length, window in ALL:
        made = windows(length, window, pairing)
        assert len(made.query_starts) == len(made.key_starts) == len(made)
        assert all(0 <= start < length for start in made.key_starts)
        assert pairing == "cyclic" or all(start <= length - made.width for start in made.key_starts)
        assert sum(made.counts) == len(made) * made.width and made.cover_all


@pytest.mark.parametrize("pairing", COVERING)
def test_every_place_is_a_key_except_the_first_ones_under_shift(pairing: Pairing) -> None:
    for length, window in ALL:
        made = windows(length, window, pairing)
        missing = set(range(length)) - places(made.key_starts, made.width, length)
        stride = max(1, made.width // 2)
        lost = min(stride, length - made.width) if pairing == "shift" else 0
        assert missing == set(range(lost))


def test_the_head_is_one_more_window_and_none_if_the_first_window_already_reads_the_start() -> None:
    assert windows(13, 4).query_starts == (0, 0, 2, 4, 6, 8, 9)
    assert windows(13, 4).key_starts == (0, 2, 4, 6, 8, 9, 9)
    assert windows(4, 4).query_starts == windows(4, 4, "shift").query_starts == (0,)


@pytest.mark.parametrize(
    ("length", "window", "queries", "keys"),
    [
        (13, 4, (0, 2, 4, 6, 8, 9), (2, 4, 6, 8, 9, 9)),
        (12, 4, (0, 2, 4, 6, 8), (2, 4, 6, 8, 8)),
        (13, 5, (0, 2, 4, 6, 8), (2, 4, 6, 8, 8)),
        (14, 5, (0, 2, 4, 6, 8, 9), (2, 4, 6, 8, 9, 9)),
    ],
)
def test_under_shift_the_keys_of_a_window_are_the_queries_of_the_next(
    length: int, window: int, queries: tuple[int, ...], keys: tuple[int, ...]
) -> None:
    made = windows(length, window, "shift")
    assert (made.query_starts, made.key_starts) == (queries, keys)


def test_numbers_of_windows_of_each_place() -> None:
    assert windows(13, 4, "shift").counts == [1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 2, 2, 1]
    assert windows(12, 4, "self").counts == [1, 1, *[2] * 8, 1, 1]


def test_the_printed_loops_never_cover_the_last_place_and_mostly_do_not_end() -> None:
    even = even_endless = odd = with_negative = 0
    for length in range(3, 60):
        for wnd in range(2, length):
            starts, ended = printed_queries(length, wnd)
            keys, keys_ended = printed_keys(length, wnd)
            assert keys_ended
            covered = printed_places([start for start in starts if start >= 0], wnd, length)
            assert length - 1 not in covered and length - 1 not in printed_places(keys, wnd, length)
            with_negative += min(starts) < 0
            if wnd % 2:
                odd += 1
                assert ended
            else:
                even += 1
                even_endless += not ended
                assert ended == ((length - wnd) % (wnd // 2) == 0)
    assert (even, even_endless, odd, with_negative) == (841, 680, 812, 658)


def test_the_printed_rule_is_the_distinct_windows_of_the_printed_loops() -> None:
    for length in range(1, 60):
        for wnd in range(1, length + 2):
            queries, keys = printed_queries(length, wnd)[0], printed_keys(length, wnd)[0]
            distinct = [start for start in dict.fromkeys(queries) if start >= 0]
            assert printed_query_starts(length, wnd) == distinct
            assert printed_key_starts(length, wnd) == list(dict.fromkeys(keys))
            negative = [start for start in queries if start < 0]
            assert printed_places(negative, wnd, length) == set()  # slices from a negative start are empty


def test_printed_windows_are_paired_in_order_and_the_last_keys_serve_the_rest() -> None:
    made = windows(14, 5, "printed")
    assert made.query_starts == (0, 2, 4, 6, 8, 5, 7)
    assert made.key_starts == (2, 4, 6, 8, 8, 8, 8)
    assert made.counts[13] == 0 and not made.cover_all


@pytest.mark.parametrize(("length", "wnd"), [(4, 4), (3, 5), (6, 4), (1, 1), (5, 4)])
def test_where_the_printed_loops_give_no_windows_the_rule_is_refused(length: int, wnd: int) -> None:
    with pytest.raises(ValueError, match=rf"^the printed loops give \d windows of queries and 0 of keys of {wnd} of "):
        printed_windows(length, wnd)
    with pytest.raises(ValueError, match=r"^model.time_windows: the printed loops give"):
        Windows.Config(window=wnd, pairing="printed").check("model.time_windows", length)


def test_the_index_holds_the_places_of_each_window_and_those_of_every_window() -> None:
    index = windows(5, 2, "cyclic").index(2, torch.device("cpu"))
    assert index.queries.tolist() == [[a, a + 1, 5, 6] for a in range(4)]
    assert index.keys.tolist() == [[a, (a + 1) % 5, 5, 6] for a in range(1, 5)]
