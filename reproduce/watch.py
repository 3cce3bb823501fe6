"""Repeated display of a text that changes, in a terminal or a file."""

import contextlib
import shutil
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

TO_TOP, TO_END_OF_LINE, TO_END = "\x1b[H", "\x1b[K", "\x1b[J"  # clear what the new text leaves of the old one

SECONDS_IN_TERMINAL, SECONDS_IN_FILE = 2.0, 60.0  # pauses between two texts


class Shown(NamedTuple):
    """Text, and whether it is the last one."""

    text: str
    is_last: bool


def watch(shown: Callable[[], Shown]) -> None:
    """Show a text again and again until it is the last one, or until Ctrl-C.

    A terminal shows the latest text from its top. A file gets every text that differs from the one before.
    """
    in_terminal, before = sys.stdout.isatty(), None
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            text, is_last = shown()
            if in_terminal:
                sys.stdout.write(screen(text, *shutil.get_terminal_size()))
            elif text != before:
                sys.stdout.write(f"{text}\n\n")
            sys.stdout.flush()
            if is_last:
                return
            before = text
            time.sleep(SECONDS_IN_TERMINAL if in_terminal else SECONDS_IN_FILE)


def screen(text: str, columns: int, lines: int) -> str:
    """Control characters and text that fill a terminal. Lines in the middle that do not fit are left out."""
    rows = text.splitlines()
    if len(rows) >= lines:
        head, tail = rows[: lines // 2], rows[len(rows) - (lines - lines // 2 - 2) :]
        rows = [*head, f"… {len(rows) - len(head) - len(tail)} lines more", *tail]
    shown = "".join(f"{row[:columns]}{TO_END_OF_LINE}\n" for row in rows)
    return f"{TO_TOP}{shown}{TO_END}"
