"""Text file with the reason of a failure and the exit code of the process."""

import re
from pathlib import Path
from typing import NamedTuple

from runner.machine.files import write_atomically
from runner.machine.messages import one_line


class Failure(NamedTuple):
    """Reason of a failure in one line, and the exit code of the process that failed first."""

    reason: str
    exit_code: int


def save_failure(path: Path, failure: Failure) -> None:
    """Write the reason and the exit code.

    Raises:
        StoreError: if the file cannot be written.
    """
    write_atomically(path, f"{failure.reason}\nexit code {failure.exit_code}\n")


def read_failure(path: Path) -> Failure | None:
    """Failure in a file; None if there is no file. Without an exit code in the file, it is 1.

    Raises:
        OSError: if the file cannot be read.
    """
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return None
    code = re.search(r"\nexit code (\d{1,3})\n$", text)
    return Failure(one_line(text), 1) if code is None else Failure(one_line(text[: code.start()]), int(code[1]))
