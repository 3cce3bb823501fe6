"""Numbers of tasks of SLURM that are possible, and the variables of a run's processes without SLURM's."""

import os

from data.errors import number_of
from runner.machine.resources import Resources, num_tasks


def check_tasks(resources: Resources) -> None:
    """Refuse one task for several nodes, and several that are not one a device: each would train every run."""
    in_job = "SLURM_JOB_ID" in os.environ and "LOCAL_RANK" not in os.environ  # of torchrun, which counts by itself
    if in_job and num_tasks() != resources.num_devices and (num_tasks() > 1 or resources.nodes > 1):
        raise ValueError(
            f"this command runs in {number_of(num_tasks(), 'tasks')} of SLURM, and --nodes times --devices is "
            f"{resources.num_devices}: start one task a device, with srun --nodes=NODES --ntasks-per-node=DEVICES, or "
            f"one task on one node"
        )


def child_environment() -> dict[str, str]:
    """Variables of this process for the process of a run, without SLURM's, by which Lightning would count devices."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
