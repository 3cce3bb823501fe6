"""Messages of one line, durations, and the progress of a run as text."""

import pytest

from runner.machine.messages import LONGEST, device_time_text, duration, one_line, position_text, time_left_text


def test_messages_have_one_line_without_control_characters() -> None:
    assert one_line("a\n b\t\x1b[31mc\0 d\udc80") == "a b \\x1b[31mc\\x00 d\\udc80"


def test_messages_have_a_largest_length() -> None:
    assert len(one_line("x" * 200_000)) == len(one_line("\x1b" * 200_000)) == LONGEST + 3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.2, "59 s"), (60, "1 min"), (725, "12 min"), (3599, "60 min"), (12_600, "3.5 h"),
     (50_000, "14 h"), (86_400, "1.0 days"), (3e6, "35 days")],
)  # fmt: skip
def test_durations_are_in_the_largest_unit_that_they_reach(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_device_time_is_not_in_days() -> None:
    assert [device_time_text(seconds) for seconds in (7.2, 90, 5400, 86_400, 3.6e6)] == [
        "7 s",
        "2 min",
        "1.5 h",
        "24 h",
        "1,000 h",
    ]


def test_unknown_positions_and_times_are_empty() -> None:
    assert position_text({"epoch": 2, "epochs": 5}) == "epoch 2/5"
    assert position_text({"step": 20, "steps": 50}) == "step 20/50"
    assert position_text({}) == "" and position_text({"epoch": 2}) == ""
    assert time_left_text({"seconds_left": 90.0}) == "2 min left"
    assert time_left_text({"seconds_left": None}) == "" and time_left_text({}) == ""
