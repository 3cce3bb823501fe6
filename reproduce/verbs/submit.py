"""`reproduce submit`: a job of SLURM for each run without a result, and one for the maps and the report."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path

from reproduce.jobs_to_start import check_start, checked_jobs, jobs_and_files, resources_of_runs
from reproduce.next_command import next_command, say_next
from reproduce.options import DONE, FAILED, Submit
from reproduce.selection import NOTHING_TO_RUN, store_of
from reproduce.verbs.run import call_of
from runner.jobs.sbatch import Settings, has_gpus, output, pin, queue, submission
from runner.machine.files import write_atomically
from runner.machine.request import Request
from runner.machine.resources import Resources
from runner.store.jobs import Job
from runner.store.provenance import commit
from runner.store.run_directory import RunDirectory
from runner.store.starts import add_start
from runner.store.store import RunStore


def execute(options: Submit) -> int:
    """Submit the jobs of all runs that are neither done nor in the queue. Nothing is trained here."""
    store, devices = store_of(options, compare_scores=True), options.devices or 1
    resources = replace(resources_of_runs(options), devices=devices)
    found, files = jobs_and_files(options, store)
    check_start(options, found, store)
    revision, has_changes, _ = commit().partition("+")
    if has_changes and not options.dry_run:
        raise ValueError("submit: jobs run what is committed, and files differ from it; commit or stash the changes")
    pending = checked_jobs(options, found, files, store, resources)
    for job in pending:
        if job.outcome is not None:
            print(f"reproduce: {job.name} {job.outcome}: {job.reason}", file=sys.stderr)
    code = FAILED if any(job.outcome == "failed" for job in pending) else DONE
    to_do = [job for job in pending if job.outcome is None]
    if not to_do:
        print(f"All {len(found)} runs are done." if found else NOTHING_TO_RUN)
        say_next("report", options)
        return code
    pinned = store.root / "code" / revision
    if not options.dry_run:
        pin(pinned, revision)
    settings = Settings(pinned, options.nodes, devices, has_gpus(), options.sbatch)
    submitted = Submission(options, store, resources, settings)
    by_run: dict[str, list[Job]] = {}
    for job in to_do:
        by_run.setdefault(job.run.train_id, []).append(job)
    for tests in by_run.values():
        submitted.add_run(tests)
    submitted.add_report(list(dict.fromkeys(job.place.table for job in found)))
    if not options.dry_run:
        say_next("status", options)
    return code


class Submission:
    """Jobs of one call. With --dry-run, they are printed, and their names stand for their numbers."""

    def __init__(self, options: Submit, store: RunStore, resources: Resources, settings: Settings) -> None:
        self.options, self.store, self.resources, self.settings = options, store, resources, settings
        self.start = call_of(options, store)
        self.queued = {} if options.dry_run else queue()
        self.jobs: dict[str, str] = {}  # by the id of the run
        self.new = False  # whether a run was not in the queue

    def add_run(self, tests: list[Job]) -> None:
        """Submit the job of a run with its tests, unless it is in the queue."""
        run, first = tests[0].run, tests[0]
        directory = RunDirectory(self.store.folder_for(run.train_id, first.full_cell))
        requests = [directory.request(job.run.eval_id) for job in tests]
        waiting = self.queued.get(directory.log.resolve())
        if waiting is not None and all(directory.in_job(job.run.eval_id) for job in tests):
            print(f"{first.name}: {waiting}, {waiting.of_run}")
            self.jobs[run.train_id] = waiting.job
            return
        self.new = True
        if not self.options.dry_run:
            directory = self.store.make(run.train_id, first.full_cell)
            add_start(directory.starts, first.start(self.start))
            for job, file in zip(tests, requests, strict=True):
                Request(
                    run=job.run,
                    resources=self.resources,
                    runs=self.store.root.absolute(),
                    folder=directory.path.name,
                    eval_only=self.options.tests_only,
                ).save(file)
        parents = [self.jobs[parent.run.train_id] for parent in run.parents if parent.run.train_id in self.jobs]
        script = self.settings.run_script(directory.path.name, directory.log, requests)
        self.jobs[run.train_id] = self.submit(first.name, directory.script, script, "afterok", parents)

    def add_report(self, tables: list[str]) -> None:
        """Submit the job of the maps and the report, whatever becomes of the others."""
        name = f"report.{'+'.join(tables)[:100].replace('/', '.')}"
        log = self.store.root / "submitted" / f"{name}.txt"
        if not self.new and log.resolve() in self.queued:
            return
        of_maps = replace(self.options, nodes=1, devices=1, eval_only=True, released=False, file=None, replace=False)
        commands = (next_command("run", of_maps), next_command("report", self.options))
        script = self.settings.command_script(name, log, commands)
        self.submit("report", log.with_suffix(".sh"), script, "afterany", [*self.jobs.values()])

    def submit(self, name: str, file: Path, script: str, after: str, others: list[str]) -> str:
        """Number of the job of a script after others; with --dry-run its name."""
        waits = f" after {', '.join(others)}" if others else ""
        command = submission(file, [f"{after}:{':'.join(others)}"] if others else [])
        if self.options.dry_run:
            print(f"# {file}\n{script}# {name}:\n{shlex.join(command)}\n")
            return f"<{name}>"
        write_atomically(file, script)
        job = output(*command).strip().partition(";")[0]
        print(f"{name}: job {job}{waits}")
        return job
