"""Process of one run: `python -m runner.jobs.run_process REQUEST.json`.

`reproduce run` starts one per run. Users and cluster launchers can start it too. Exit codes: 0 done, 1 failed, 3 data
or environment unusable, 75 another process executes the run, 128 + n signal n.
"""

import os

os.environ.setdefault("TORCH_DISABLE_NATIVE_JIT", "1")  # before torch is imported, see reproduce/command.py

import argparse
import contextlib
import gc
import sys
import traceback
from pathlib import Path

import torch

from data.errors import DataError, number_of
from data.leases import CLAIMED_ELSEWHERE
from models.imagenet import MissingWeightsError
from runner.machine.files import StoreError
from runner.machine.first_process import FirstProcess
from runner.machine.messages import ERROR_PREFIX, one_line
from runner.machine.request import Request
from runner.machine.resources import Resources, num_tasks
from runner.machine.signals import Stopped, StopRequest
from runner.store.run_directory import Failure, RunDirectory
from runner.store.store import RunStore
from runner.training.micro_batch import TooLittleMemoryError
from runner.training.results import rescore, saved_test
from runner.training.train import train_and_test
from runner.weights.weights import weights_of


def main(arguments: list[str] | None = None) -> int:
    """Train and test a requested run; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m runner.jobs.run_process", description="Train and test one run.")
    parser.add_argument("request", type=Path, help="file that `reproduce run` writes into the folder of the run")
    file = parser.parse_args(arguments).request
    stop = StopRequest()
    directory: RunDirectory | None = None
    try:
        request = Request.read(file)
        check_tasks(request.resources)
        if request.resources.threads is not None:
            torch.set_num_threads(request.resources.threads)
        store = RunStore(request.runs, compare_scores=True)
        if request.folder:
            store.add(request.runs / request.folder)
        directory = store.run(request.run.train_id)
        return carry_out(request, store, directory, stop)
    except Stopped as stopped:
        print("stopped; the same command goes on from the checkpoint", flush=True)
        return 128 + stopped.signal_number
    except (DataError, StoreError, TooLittleMemoryError, MissingWeightsError) as error:
        return _fail(directory, Failure(str(error), 3))
    except ValueError as error:
        return _fail(directory, Failure(str(error), 1))
    except Exception as error:
        traceback.print_exc()
        first = directory.read_failure() if directory is not None else None  # of another process of the run
        return _fail(directory, first or Failure(f"{type(error).__name__}: {error}".strip(": "), 1))


def check_tasks(resources: Resources) -> None:
    """Refuse one task for several nodes, and several that are not one a device: each would train by itself."""
    in_job = "SLURM_JOB_ID" in os.environ and "LOCAL_RANK" not in os.environ  # of torchrun, which counts by itself
    if in_job and num_tasks() != resources.num_devices and (num_tasks() > 1 or resources.nodes > 1):
        raise ValueError(
            f"this process is one of {number_of(num_tasks(), 'tasks')} of SLURM, and the run asks for "
            f"{resources.num_devices}, one a device: use srun --nodes=NODES --ntasks-per-node=DEVICES, or one task on "
            f"one node"
        )


def carry_out(request: Request, store: RunStore, directory: RunDirectory, stop: StopRequest) -> int:
    """Train and test a run, unless it is done or its scores are known; returns the exit code."""
    run, tests_only = request.run, request.eval_only or request.run.optim is None
    weights = weights_of(run, store) if tests_only else None
    tested = directory if weights is None else weights.directory(run, store)
    rank = request.resources.rank
    first = FirstProcess(rank)

    def exit_code() -> int | None:
        """Exit code of a run with nothing to train or test."""
        if not claimed:
            return CLAIMED_ELSEWHERE
        if directory.tested(run, tests_only):
            return 0
        known = rescore(run, tested) if rank == 0 else saved_test(run, tested) is not None
        return 0 if known else None

    with directory.claim() if rank == 0 else contextlib.nullcontext(True) as claimed:
        if claimed and rank == 0:
            directory.failure.unlink(missing_ok=True)
        # The other processes must know it: each waits for all only if they train or test.
        code = first.found(exit_code)
        if code is None:
            train_and_test(request, store, stop, first)
    if code is not None:
        first.end_last()  # the others may not have asked it yet, and srun kills what a failed one leaves
    return code if code is not None and rank == 0 else 0  # srun takes the greatest code of all


def _fail(directory: RunDirectory | None, failure: Failure) -> int:
    reason, code = one_line(failure.reason), failure.exit_code
    print(f"{ERROR_PREFIX}{reason}", file=sys.stderr)
    if directory is not None:
        with contextlib.suppress(StoreError):
            directory.save_failure(Failure(reason, code))
    return code


def end(code: int) -> None:
    """End this process. A failed one of several does not run exit handlers.

    Lightning's handler destroys the communicators of NCCL, which can wait for processes that wait for this one.
    """
    if code and torch.distributed.is_initialized():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    gc.freeze()  # modules stay: no step waits for a search for garbage among them
    end(main())
