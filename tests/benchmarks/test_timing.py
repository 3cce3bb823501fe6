import time

import pytest
import torch

from benchmarks.timing import (
    WARM_UP,
    Implementation,
    Pair,
    Timing,
    matmul_rate,
    peak_memory,
    system_share,
    timed,
    timings_in_turns,
)

CPU = torch.device("cpu")


def pair(published: list[float], ours: list[float], aim: float | None = None) -> Pair:
    return Pair(
        name="joint, forward",
        precision="float32",
        clips=1,
        published=tuple(Timing(seconds, None) for seconds in published),
        ours=tuple(Timing(seconds, None) for seconds in ours),
        aim=aim,
        difference=0.0,
        published_memory=None,
        ours_memory=None,
        ours_by_flops=0.5,
    )


def test_implementations_run_in_turns_and_the_first_turn_does_not_count() -> None:
    called, done = [], []
    ways = [Implementation(lambda: called.append("published"), 3.0), Implementation(lambda: called.append("ours"), 2.0)]
    taken = timings_in_turns(ways, CPU, 2, done.append)
    assert called == ["published", "ours"] * (WARM_UP + 2)
    assert done == [3.0, 2.0] * (WARM_UP + 2)
    assert [len(turns) for turns in taken] == [2, 2]


def test_waiting_is_no_cpu_time() -> None:
    assert timed(lambda: time.sleep(0.3), CPU).seconds < 0.1


def test_the_ratio_is_the_median_of_the_turns() -> None:
    assert pair([3.0, 8.0, 4.0], [1.0, 2.0, 2.0]).ratio == 3.0
    assert pair([3.0, 8.0, 4.0], [1.0, 2.0, 2.0]).bound == 8.0


@pytest.mark.parametrize(("aim", "missed"), [(None, False), (2.0, False), (2.1, True)])
def test_a_target_is_missed_if_the_ratio_is_lower(aim: float | None, missed: bool) -> None:
    assert pair([4.0], [2.0], aim).missed is missed


def test_the_system_share_is_that_of_all_turns() -> None:
    assert system_share([Timing(3.0, 1.0), Timing(1.0, 0.0)]) == 0.25
    assert system_share([Timing(3.0, None)]) is None


def test_fresh_pages_cost_system_time() -> None:
    taken = timed(lambda: torch.zeros(2**27).add_(1), CPU)
    assert taken.system is not None and 0 < taken.system <= 1.1 * taken.seconds


def test_a_cpu_has_a_matmul_rate_but_no_peak_memory() -> None:
    assert peak_memory(lambda: None, CPU) is None
    assert matmul_rate(CPU, torch.float32) > 1e8


def test_turns_of_two_processes_are_merged() -> None:
    both = pair([3.0], [1.0]).merged_with(pair([8.0, 4.0], [2.0, 2.0]))
    assert both.ratios == [3.0, 4.0, 2.0]
    assert (both.published_memory, both.ours_by_flops) == (None, 0.5)
