"""What the first process of a run finds on disk, told to those that srun or torchrun has started with it.

On another node, a network file system may show them an older state of a folder. Processes that Lightning starts are on
one node, where each looks by itself.
"""

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from torch.distributed import PrefixStore, Store, rendezvous  # pyright: ignore[reportPrivateImportUsage]

from runner.machine.resources import num_tasks

SECONDS_TO_END = 10.0  # for which the first process waits for the others
POLL_SECONDS = 0.1
SECONDS_OF_EXIT = 1.0  # from the last line of a process to its end

Found = TypeVar("Found")


class FirstProcess:
    """Connection to the first process, at the address where the processes of the run meet anyway."""

    def __init__(self, rank: int) -> None:
        self.rank, self.size = rank, num_tasks()
        if "RANK" in os.environ and "WORLD_SIZE" in os.environ:  # of torchrun
            self.size = int(os.environ["WORLD_SIZE"])
        elif self.size > 1:
            from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

            slurm = SLURMEnvironment(auto_requeue=False)
            os.environ.update(MASTER_ADDR=slurm.main_address, MASTER_PORT=str(slurm.main_port))
        self.store: Store | None = None
        if self.size > 1:
            store, *_ = next(rendezvous("env://", self.rank, self.size))
            self.store = PrefixStore("first process", store)
        self.num_found = 0

    def found(self, find: Callable[[], Found]) -> Found:
        """What the first process finds. All processes ask the same questions in the same order."""
        if self.store is None:
            return find()
        self.num_found += 1
        if self.rank == 0:
            found = find()
            self.store.set(str(self.num_found), pickle.dumps(found))  # pyright: ignore[reportArgumentType]
            return found
        return pickle.loads(self.store.get(str(self.num_found)))

    def end_last(self) -> None:
        """Let the other processes end before the first one: srun kills those that its exit code finds running."""
        if self.store is None:
            return
        ended = self.store.add("ended", 1)
        deadline = time.monotonic() + SECONDS_TO_END
        while self.rank == 0 and ended < self.size and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            ended = self.store.add("ended", 0)
        time.sleep(SECONDS_OF_EXIT if self.rank == 0 else 0)


def listed(path: Path | None) -> Path | None:
    """A file that another process has found, after a look into its folder, which renews what this node knows of it."""
    if path is not None:
        os.listdir(path.parent)
    return path
