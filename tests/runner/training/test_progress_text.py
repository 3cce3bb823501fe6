"""Progress of a run as text."""

import pytest

from runner.training.progress_text import duration, position_text, time_left_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.2, "59 s"), (60, "1 min"), (725, "12 min"), (3599, "60 min"), (12_600, "3.5 h"),
     (50_000, "14 h"), (86_400, "1.0 days"), (3e6, "35 days")],
)  # fmt: skip
def test_durations_are_in_the_largest_unit_that_they_reach(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_unknown_positions_and_times_are_empty() -> None:
    assert position_text({"epoch": 2, "epochs": 5}) == "epoch 2/5"
    assert position_text({"step": 20, "steps": 50}) == "step 20/50"
    assert position_text({}) == "" and position_text({"epoch": 2}) == ""
    assert time_left_text({"seconds_left": 90.0}) == "2 min left"
    assert time_left_text({"seconds_left": None}) == "" and time_left_text({}) == ""
