"""Process of one run: `python -m runner.jobs.run_process TABLE CELL`.

`reproduce run` starts one per run. Users and cluster launchers can start it too. Exit codes: 0 done, 1 failed, 3 data or
environment unusable, 75 another process executes the run, 76 out of memory on one of several devices (a new process goes
on with a smaller batch), 128 + n signal n.
"""

import os

os.environ.setdefault("TORCH_DISABLE_NATIVE_JIT", "1")  # before torch is imported, see environment.disable_native_jit

import argparse
import contextlib
import sys
import traceback
from pathlib import Path

import torch

from data.errors import DataError
from experiments.spec.catalog import load
from experiments.spec.scales import SCALES
from models.imagenet import MissingWeightsError
from runner.jobs.failure_file import Failure, read_failure, save_failure
from runner.jobs.slurm_step import check_tasks
from runner.machine.arguments import add_eval_only, add_resources
from runner.machine.files import StoreError
from runner.machine.messages import CLAIMED_ELSEWHERE, ERROR_PREFIX, OUT_OF_MEMORY, one_line
from runner.machine.resources import Resources
from runner.machine.signals import Stopped, StopRequest
from runner.store.run_directory import RunDirectory
from runner.store.store import RunStore
from runner.training.batch_split import RestartNeeded, TooLittleMemoryError
from runner.training.results import rescore, saved_test
from runner.training.train import train_and_test
from runner.weights.weights import weights_of


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Arguments of a process: the run of a cell, and the resources of the machine."""
    parser = argparse.ArgumentParser(prog="python -m runner.jobs.run_process", description="Train and test one run.")
    parser.add_argument("table")
    parser.add_argument("cell", help="row and column, e.g. trajectory.k400; .start for its parent run")
    add_eval_only(parser)
    parser.add_argument("--scale", choices=sorted(SCALES), default="tiny")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", dest="overrides", action="append", default=[], metavar="PATH=VALUE")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    add_resources(parser)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Train and test the run of a cell; returns the exit code."""
    options = parse(arguments)
    store = RunStore(options.runs, compare_scores=True)
    request = StopRequest()
    directory: RunDirectory | None = None
    memory_failures = 0
    try:
        resources = Resources.of(options)
        check_tasks(resources)
        if resources.threads is not None:
            torch.set_num_threads(resources.threads)
        run = load(options.table).run_of(options.cell, SCALES[options.scale], options.overrides, options.seed)
        directory = store.run(run.train_id)
        memory_failures = directory.memory_failures
        tests_only = options.eval_only or run.optim is None
        weights = weights_of(run, store) if tests_only else None
        released = weights is not None and weights.released is not None
        if resources.rank > 0:
            # The process of rank 0 waits for this one only if it trains or tests.
            if not directory.tested(run, tests_only) and saved_test(run, store, released=released) is None:
                train_and_test(run, store, resources, request, eval_only=options.eval_only)
            return 0
        with directory.claim() as claimed:
            if not claimed:
                return CLAIMED_ELSEWHERE
            directory.failure.unlink(missing_ok=True)
            if not directory.tested(run, tests_only) and not rescore(run, store, released=released):
                train_and_test(run, store, resources, request, eval_only=options.eval_only)
    except Stopped as stopped:
        print("stopped; the same command goes on from the checkpoint", flush=True)
        return 128 + stopped.signal_number
    except RestartNeeded:
        print("the same command goes on with the smaller batch", flush=True)
        return OUT_OF_MEMORY
    except (DataError, StoreError, TooLittleMemoryError, MissingWeightsError) as error:
        return _fail(directory, str(error), 3)
    except ValueError as error:
        return _fail(directory, str(error), 1)
    except Exception as error:
        traceback.print_exc()
        if directory is not None and directory.memory_failures > memory_failures:
            return OUT_OF_MEMORY  # of another process of the run, with which this one had lost the connection
        first = read_failure(directory.failure) if directory is not None else None  # of another process of the run
        return _fail(directory, *(first or Failure(f"{type(error).__name__}: {error}".strip(": "), 1)))
    return 0


def _fail(directory: RunDirectory | None, reason: str, code: int) -> int:
    reason = one_line(reason)
    print(f"{ERROR_PREFIX}{reason}", file=sys.stderr)
    if directory is not None:
        with contextlib.suppress(StoreError):
            save_failure(directory.failure, Failure(reason, code))
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
    end(main())
