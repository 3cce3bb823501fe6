"""Messages of one line."""

from runner.machine.messages import LONGEST, one_line


def test_messages_have_one_line_without_control_characters() -> None:
    assert one_line("a\n b\t\x1b[31mc\0 d\udc80") == "a b \\x1b[31mc\\x00 d\\udc80"


def test_messages_have_a_largest_length() -> None:
    assert len(one_line("x" * 200_000)) == len(one_line("\x1b" * 200_000)) == LONGEST + 3
