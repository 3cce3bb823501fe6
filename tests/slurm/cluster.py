"""A SLURM of two nodes on this machine, n1 and n2, without a network, accounting or systemd. It needs root.

Each slurmd has a host name and an /etc/hosts of its own, so that jobs see two machines.
"""

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged", "unshare")
NODES = ("n1", "n2")
CONFIG = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
SlurmctldPort={port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld
SlurmdLogFile={folder}/log/slurmd.%n
ProctrackType=proctrack/{tracking}
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=2,sched_min_interval=100000,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
MpiDefault=none
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
KillWait=10
MinJobAge=3600
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
"""


def why_not() -> str | None:
    """Why no cluster can be started here; None if one can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"no {', '.join(missing)}: `make slurm-test` installs Debian's packages"
    return None if os.geteuid() == 0 else "the daemons of SLURM need root here"


class Cluster:
    """The daemons, from their start to `stop`. `environment` has the variables of those who use it."""

    def __init__(self, folder: Path, tracking: str) -> None:
        self.folder, port = folder, 18_000 + os.getpid() % 4000 * 3  # and the two after it
        for name in ("state", "log", "munge", *(f"spool/{node}" for node in NODES)):
            (folder / name).mkdir(parents=True)
        for path in (folder, folder / "munge"):
            path.chmod(0o711)
        (folder / "munge" / "key").write_bytes(secrets.token_bytes(1024))
        (folder / "munge" / "key").chmod(0o400)
        nodes = [
            f"NodeName={node} NodeHostname={node} NodeAddr=127.0.0.1 Port={port + number} CPUs=2 RealMemory=4000"
            for number, node in enumerate(NODES, 1)
        ]
        host = socket.gethostname().partition(".")[0]
        config = CONFIG.format(host=host, folder=folder, port=port, tracking=tracking, nodes="\n".join(nodes))
        (folder / "slurm.conf").write_text(config)
        (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\n")
        hosts = "".join(f"127.0.0.1 {node}\n" for node in NODES)
        (folder / "hosts").write_text(Path("/etc/hosts").read_text() + hosts)
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        # SLURM finds no host where loopback has the only address, as in a container without a network.
        found = subprocess.run(["ip", "-4", "-o", "address"], capture_output=True, text=True).stdout
        if all(" lo " in line for line in found.splitlines()):
            subprocess.run(["ip", "address", "add", "10.99.0.1/32", "dev", "lo"], check=True)
        munge = [f"--{name.replace('_', '-')}={folder}/munge/{name.partition('_')[0]}"
                 for name in ("key_file", "socket", "pid_file", "log_file", "seed_file")]  # fmt: skip
        self.daemons = [self.start("munged", "--force", "--foreground", *munge), self.start("slurmctld", "-i", "-D")]
        for node in NODES:
            own = f"hostname {node}; mount --bind {folder}/hosts /etc/hosts; exec slurmd -D -N {node}"
            self.daemons.append(self.start("unshare", "--uts", "--mount", "bash", "-c", own))
        wait_for(lambda: self("sinfo", "-h", "-N", "-p", "main", "-t", "idle", "-o", "%N").split() == [*NODES], 30)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log" / f"{command[0]}.out").open("ab") as log:
            return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)

    def __call__(self, *command: str) -> str:
        """Output of a command of SLURM; of one that fails, empty or a part."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True).stdout

    def states(self) -> dict[str, str]:
        """State of each job by its name; of the last one with this name. Later jobs come first."""
        lines = self("squeue", "--noheader", "--states=all", "--sort=-i", "--format=%j|%T").splitlines()
        states: dict[str, str] = {}
        for name, state in (line.split("|") for line in lines):
            states.setdefault(name, state)
        return states

    def stop(self) -> None:
        """End all jobs, then the daemons."""
        self("scancel", "--full", "--signal=KILL", "--user=root")
        self("scancel", "--user=root")
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                daemon.kill()


def wait_for(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)
