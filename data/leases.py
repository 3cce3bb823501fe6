"""Leases: locks that hold between machines which share a file system, where flock may be local to each.

A lease is a marker file that its holder renews. It is free when its process is dead, as seen on its own machine, or has
not renewed it for `SECONDS`. A holder that was too slow, for instance because it was suspended, has lost its lease to
another one: its process ends before it writes.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from filelock import SoftFileLease
from filelock._identity import owner_is_stale  # filelock is pinned

SECONDS = 120.0  # the same for all processes; NFS caches the attributes of a file for up to 60
RENEWED = 10.0  # seconds between renewals
UNWRITTEN = 2.0  # seconds after which a marker that is still empty is that of a killed process
CLAIMED_ELSEWHERE = 75  # exit code: another process holds the lease

held: list[SoftFileLease] = []
os.register_at_fork(after_in_child=held.clear)  # those of the parent


@contextmanager
def lease(file: Path, timeout: float = -1) -> Iterator[None]:
    """Hold a lease during the block.

    Args:
        timeout: seconds to wait for another holder; without limit if negative. The lease of a process that was killed
            on another machine is free after `SECONDS` of them, whatever the clocks of the two say.

    Raises:
        filelock.Timeout: if another process holds it for longer.
    """
    remove_unwritten(file)
    own = SoftFileLease(
        file, timeout=timeout, lease_duration=SECONDS, heartbeat_interval=RENEWED, on_compromise=lambda _: end(file)
    )
    with own:
        held.append(own)
        try:
            yield
        finally:
            held.remove(own)


def remove_unwritten(file: Path) -> None:
    """Remove the marker of a process that was killed before it wrote it, for which filelock would wait for ever."""

    def empty_marker() -> int | None:
        try:
            found = file.stat()
        except FileNotFoundError:
            return None
        return found.st_ino if found.st_size == 0 else None

    if (marker := empty_marker()) is not None:
        time.sleep(UNWRITTEN)
        if empty_marker() == marker:
            file.unlink(missing_ok=True)


def is_held(file: Path) -> bool:
    """Whether a process holds a lease, by its marker."""
    try:
        age = time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return False
    owner = SoftFileLease(file, lease_duration=SECONDS).owner
    return age < SECONDS and not (owner is not None and owner_is_stale(owner.pid, owner.hostname, owner.start))


def check_held() -> None:
    """End this process if it has lost a lease. Call it before what was written gets its name."""
    for own in held:
        if not own.is_lock_held_by_us:
            end(Path(own.lock_file))


def end(file: Path) -> NoReturn:
    lost = f"{file}: this process was suspended or cut off for more than {SECONDS:.0f} s, and another one took over"
    print(f"{lost}; it ends without writing", file=sys.stderr, flush=True)
    os._exit(CLAIMED_ELSEWHERE)
