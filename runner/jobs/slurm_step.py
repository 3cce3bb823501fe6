"""Tasks that srun starts, one a device, which carry out one run at a time together.

Task 0 chooses the runs; the others follow it. Lightning's own environment connects the processes of a run.
"""

import atexit
import os
import time
from datetime import timedelta

from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]

from runner.machine.resources import num_tasks
from runner.machine.signals import RunProcess

SECONDS_TO_END = 10.0  # until the other processes of a failed run are killed
POLL_SECONDS = 0.2


class Step:
    """Connection of the tasks of a step, which all make one at their start."""

    def __init__(self) -> None:
        from lightning.fabric.plugins.environments.slurm import SLURMEnvironment  # here: importing it takes a second

        self.rank = int(os.environ["SLURM_PROCID"])
        nodes = os.environ["SLURM_STEP_NODELIST"]
        self.address = os.environ.get("MASTER_ADDR") or SLURMEnvironment.resolve_root_node_address(nodes)
        port = 20_000 + (8 * int(os.environ["SLURM_JOB_ID"]) + int(os.environ["SLURM_STEP_ID"])) % 10_000
        self.store = TCPStore(self.address, port, None, self.rank == 0, timedelta(hours=1), wait_for_workers=False)
        self.num_runs = 0
        self.failed_at: float | None = None  # when this task saw that another process of the run had failed
        if self.rank == 0:
            atexit.register(self.end)

    def share(self, name: str) -> dict[str, str]:
        """Let the other tasks start their process of a run; returns the variables of this task's."""
        from lightning.fabric.plugins.environments.lightning import find_free_network_port

        self.num_runs, self.failed_at = self.num_runs + 1, None
        port = str(find_free_network_port())
        self.store.set(f"run {self.num_runs}", f"{name} {port}")
        return self.variables(port)

    def variables(self, port: str) -> dict[str, str]:
        """Variables by which Lightning connects the processes of a run."""
        ranks = {"NODE_RANK": os.environ["SLURM_NODEID"], "LOCAL_RANK": os.environ["SLURM_LOCALID"]}
        return {"MASTER_ADDR": self.address, "MASTER_PORT": port, **ranks}

    def next_run(self) -> tuple[str, dict[str, str]] | None:
        """Name of the next run that task 0 shares, and the variables of this task's process; None at its end."""
        self.num_runs, self.failed_at = self.num_runs + 1, None
        while not self.store.check([f"run {self.num_runs}"]):
            time.sleep(POLL_SECONDS)
        name, _, port = self.store.get(f"run {self.num_runs}").decode().rpartition(" ")
        if not name:
            self.store.add("ended", 1)
        return (name, self.variables(port)) if name else None

    def watch(self, process: RunProcess) -> None:
        """Tell the other tasks if the process of a run has failed; kill it some seconds after another one of them."""
        failed = f"failed {self.num_runs}"
        if process.poll():
            self.store.set(failed, "")
        elif self.failed_at is None:
            self.failed_at = time.monotonic() if self.store.check([failed]) else None
        elif time.monotonic() - self.failed_at > SECONDS_TO_END:
            process.kill()

    def end(self) -> None:
        """Let the other tasks end, and wait some seconds for them."""
        self.store.set(f"run {self.num_runs + 1}", "")
        deadline = time.monotonic() + SECONDS_TO_END
        while self.store.add("ended", 0) < num_tasks() - 1 and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
