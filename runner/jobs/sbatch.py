"""Jobs of SLURM: their scripts, which can be submitted by hand, their submission and the queue."""

import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from data.leases import CLAIMED_ELSEWHERE, lease

ROOT = Path(__file__).resolve().parents[2]
# One task a device, each of which sees all GPUs of its node. Of an option that is given twice, the last one counts.
HEAD = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --output={log} --open-mode=append
#SBATCH --chdir={folder}
#SBATCH --nodes={nodes} --ntasks-per-node={tasks}
#SBATCH --requeue --signal=USR1@120
{options}
export PYTHONPATH={code}${{PYTHONPATH:+:$PYTHONPATH}} PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1
[ -d {code} ] || {{ echo error: the code of this job is gone: {code}, submit it again; exit 3; }}
"""
TESTS = """\
trap : USR1  # it is for the tasks of srun
if [ "$SLURM_CPUS_PER_TASK" ]; then export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK; fi
for request in {requests}; do
    while true; do
        srun --kill-on-bad-exit=1 {python} -m runner.jobs.run_process "$request"
        code=$?
        case $code in
            0) break ;;
            {claimed}) sleep 30 ;;  # another process carries out the run
            {stopped}) scontrol requeue "$SLURM_JOB_ID"; exit $code ;;  # before the time limit, with a checkpoint
            *) exit $code ;;
        esac
    done
done
"""


class Settings(NamedTuple):
    """What the jobs of a submission have in common."""

    code: Path
    """Folder of the code that they run."""
    nodes: int
    devices: int
    """Of each node."""
    has_gpus: bool
    options: tuple[str, ...]
    """Options of sbatch, before which ours stand."""

    def head(self, name: str, log: Path) -> str:
        """Start of the script of a job."""
        gpus = [f"--gpus-per-node={self.devices}"] if self.has_gpus else []
        return HEAD.format(
            name=shlex.quote(name),
            log=shlex.quote(str(log.resolve()).replace("%", "%%")),  # sbatch replaces %j and others
            folder=shlex.quote(str(Path.cwd())),
            nodes=self.nodes,
            tasks=self.devices,
            options="\n".join(f"#SBATCH {option}" for option in (*gpus, *self.options)),
            code=shlex.quote(str(self.code.absolute())),
        )

    def run_script(self, name: str, log: Path, requests: Iterable[Path]) -> str:
        """Script of a run: of its tests, which are requested in files, the first one after its training."""
        return self.head(name, log) + TESTS.format(
            requests=shlex.join(str(request.absolute()) for request in requests),
            python=shlex.quote(sys.executable),
            claimed=CLAIMED_ELSEWHERE,
            stopped=128 + signal.SIGUSR1,
        )

    def command_script(self, name: str, log: Path, commands: Iterable[str]) -> str:
        lines = (f"{shlex.quote(sys.executable)} -m {command}\n" for command in commands)
        return self._replace(nodes=1, devices=1).head(name, log) + "".join(lines)


def has_gpus() -> bool:
    """Whether the cluster has GPUs. Where SLURM cannot say so, as on a machine without it, it has."""
    with suppress(OSError):
        return "gpu" in output("sinfo", "--noheader", "--format=%G")
    return True


def pin(folder: Path, revision: str) -> None:
    """Make a worktree of a commit, for all jobs of this commit: what they run is not edited later."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with lease(Path(f"{folder}.lease")):
        if not folder.exists():
            whole = folder.absolute()
            part = whole.with_name(f"{folder.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            worktree = ("git", "-C", str(ROOT), "worktree")  # forced twice: git may know these folders, and lock them
            output(*worktree, "add", "-f", "-f", "--detach", str(part), revision)
            output(*worktree, "move", "-f", "-f", str(part), str(whole))


def submission(script: Path, dependencies: Iterable[str]) -> list[str]:
    """Command that submits a script. Its job waits for others, and for those of the same name."""
    waits = f"--dependency={','.join(['singleton', *dependencies])}"
    return ["sbatch", "--parsable", "--kill-on-invalid-dep=yes", waits, str(script)]


class Queued(NamedTuple):
    """Job in SLURM's queue."""

    job: str
    state: str
    reason: str
    nodes: str
    restarts: str

    @property
    def of_run(self) -> str:
        if self.state == "PENDING":
            return "queued" if self.restarts == "0" else "requeued"
        return "running"

    def __str__(self) -> str:
        state = "" if self.state in ("PENDING", "RUNNING") else f", {self.state.lower()}"
        return f"job {self.job}{f' on {self.nodes}' if self.nodes else f': {self.reason}'}{state}"


def queue() -> dict[Path, Queued]:
    """Jobs of the user, by their logs. Of several with one log, the first one counts, for which the others wait."""
    fields = ("JobID", "State", "Reason", "NodeList", "RestartCnt", "StdOut")
    text = output("squeue", "--me", "--noheader", "--sort=i", f"--Format={','.join(f'{name}:|' for name in fields)}")
    lines = (line.rstrip().split("|", len(fields) - 1) for line in text.splitlines())
    return {Path(log.rstrip("|").replace("%%", "%")): Queued(*values) for *values, log in reversed([*lines])}


def output(*command: str) -> str:
    """Output of a command, or an OSError with its last message."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        raise OSError(f"there is no {command[0]} here: submit where jobs of SLURM are submitted") from None
    except subprocess.CalledProcessError as error:
        raise OSError(f"{command[0]}: {error.stderr.strip() or error.stdout.strip()}") from None
