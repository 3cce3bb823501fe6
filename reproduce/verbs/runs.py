"""`reproduce runs`: lists one's own runs, removes them, and writes them to a file that a colleague imports.

The list imports no PyTorch. It shows what folders of runs say; those of earlier versions do not say what started them.
"""

import fnmatch
import json
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from data.errors import DataError, number_of
from experiments.spec.catalog import captions, papers, read_index
from experiments.spec.names import OWN_DATA, nearest
from reproduce.known_runs import known_runs
from reproduce.next_command import say_next
from reproduce.option_types import all_override_words
from reproduce.options import DONE
from reproduce.runs_options import OfRuns, RunsExport, RunsImport, RunsList, RunsRemove
from reproduce.terminal import num_labels_of, table_text
from runner.machine.files import unwritable
from runner.machine.messages import bytes_text
from runner.store.archive import export_runs, import_runs
from runner.store.folders import run_folders
from runner.store.provenance import commit
from runner.store.run_directory import RunDirectory
from runner.store.starts import Start, read_starts

HEADERS = ("run", "id", "scale", "state", "value", "name", "overrides", "code", "date", "size")
ALWAYS = ("run", "id", "state", "value", "code", "date", "size")  # columns that are never left out
DASH = "–"


def execute(options: RunsList | RunsRemove | RunsExport | RunsImport) -> int:
    match options:
        case RunsImport():
            return import_file(options)
        case RunsExport():
            return export(options)
        case RunsRemove():
            return remove(options)
    found = selected(options)
    print(json.dumps([run.as_json() for run in found], indent=1) if options.json else runs_text(found, options))
    return DONE


@dataclass(frozen=True)
class OwnRun:
    """A run as its folder describes it."""

    folder: RunDirectory
    starts: tuple[Start, ...]
    tables: tuple[str, ...]
    """Tables that show it or start from it, if it has no overrides and seed 0."""
    scale: str
    stale: bool | None
    """Whether no row of the code here gives it; None if that is unknown."""

    @property
    def cell(self) -> str:
        """Row and column that started it; for a run of an earlier version, its first table; empty if unknown."""
        return self.starts[0].cell if self.starts else next(iter(self.tables), "")

    @property
    def train_id(self) -> str:
        return self.folder.train_id

    @cached_property
    def test(self) -> dict:
        """Fields of the result with most views; none without one. Its content is not checked."""
        results = [json.loads(path.read_text()) for path in sorted(self.folder.path.glob("metrics/*.json"))]
        return max(results, key=lambda fields: fields["views"] * fields["crops"], default={})

    @cached_property
    def state(self) -> str:
        if self.folder.claimed:
            return "running"
        state = "done" if self.test else self.folder.state_without_result
        return "released weights" if state == "not run" and self.folder.released.exists() else state

    @cached_property
    def num_bytes(self) -> int:
        return sum(path.lstat().st_size for path in self.folder.path.rglob("*") if not path.is_dir())

    @property
    def seed(self) -> int | None:
        if self.starts:
            return self.starts[0].seed
        return json.loads(self.folder.config.read_text())["seed"] if self.folder.config.exists() else None

    @property
    def value(self) -> tuple[str, float] | None:
        """Headline of its test; of an earlier version, the first number in the file."""
        metric = next((start.metric for start in self.starts if start.metric in self.test), None)
        if metric is not None:
            return metric, self.test[metric]
        return next(((name, value) for name, value in self.test.items() if type(value) in (int, float)), None)

    @property
    def date(self) -> datetime:
        """Last change of a file of the run."""
        times = [path.stat().st_mtime for path in self.folder.path.glob("*")]
        return datetime.fromtimestamp(max(times, default=0), UTC)

    def matches(self, pattern: str) -> bool:
        """Whether a pattern names its id, or four digits of its start, its folder, or a cell, row or table of it."""
        if re.fullmatch(r"[0-9a-f]{4,}", pattern) and self.train_id.startswith(pattern):
            return True
        names = {self.train_id, self.folder.path.name, *self.tables}
        names |= {text for start in self.starts for text in (start.table, start.row, start.cell)}
        return any(
            fnmatch.fnmatchcase(name, wanted) for name in names for wanted in (pattern, f"*/{pattern}", f"{pattern}/*")
        )

    def as_json(self) -> dict[str, object]:
        metric, value = self.value or (None, None)
        return {
            "id": self.train_id,
            "folder": str(self.folder.path),
            "run": self.cell or None,
            "scale": self.scale or None,
            "seed": self.seed,
            "starts": [
                {"run": s.cell, "overrides": [*s.overrides], "name": s.name or None, "date": s.date}
                for s in self.starts
            ],
            "state": self.state,
            "stale": self.stale,
            "metric": metric,
            "value": value,
            "commit": self.test.get("commit") or None,
            "date": self.date.isoformat(timespec="seconds"),
            "bytes": self.num_bytes,
        }

    def line(self) -> dict[str, str]:
        value, state = self.value, f"{self.state}, stale" if self.stale else self.state
        overrides = (shlex.join(all_override_words(start.overrides)) for start in self.starts)
        return {
            "run": (self.cell or self.folder.path.name) + (f" seed {self.seed}" if self.seed else ""),
            "id": self.train_id,
            "scale": self.scale,
            "state": state,
            "value": f"{value[0]} {value[1]:.1f}" if value is not None else DASH,
            "name": self.folder.names,
            "overrides": "; ".join(filter(None, overrides)),
            "code": self.test.get("commit") or DASH,
            "date": self.date.astimezone().strftime("%Y-%m-%d %H:%M"),
            "size": bytes_text(self.num_bytes),
        }


def own_runs(root: Path) -> list[OwnRun]:
    """Runs in a directory, the last one last. Those without a trace of a start or of weights are left out."""
    tables, known, found = read_index()["tables"], known_runs(), []
    for train_id, path in run_folders(root).items():
        folder, of_tables = RunDirectory(path), known.get(train_id, {})
        starts = read_starts(folder.starts)
        unchanged = [one for one in starts if not (one.overrides or one.seed) and one.table in tables]
        stale = False if of_tables else True if unchanged else None
        scale = starts[0].scale if starts else next(iter(of_tables.values()), "")
        if folder.started or starts or folder.released.exists():
            found.append(OwnRun(folder, starts, tuple(of_tables), scale, stale))
    return sorted(found, key=lambda run: run.date)


def selected(options: OfRuns) -> list[OwnRun]:
    """Runs that all filters take.

    Raises:
        ValueError: for a name that is that of none.
    """
    runs = own_runs(options.runs)
    for pattern in options.tables:
        if not any(run.matches(pattern) for run in runs):
            names = {name for run in runs for name in (*run.tables, *(start.row for start in run.starts))}
            near = nearest(pattern, names, "`reproduce runs list` names them")
            raise ValueError(f"'{pattern}' names no run in {options.runs.resolve()}; {near}")
    if options.name is not None and all(options.name != s.name for run in runs for s in run.starts):
        names = ", ".join(sorted({s.name for run in runs for s in run.starts if s.name})) or "none"
        raise ValueError(f"--name {options.name}: no run has it; names that runs have: {names}")
    if options.stale:
        runs = [replace(run, stale=is_stale(run)) for run in runs]
    return [
        run
        for run in runs
        if (not options.tables or any(map(run.matches, options.tables)))
        and options.scale in (None, run.scale)
        and (options.name is None or any(options.name == start.name for start in run.starts))
        and options.state in (None, run.state)
        and (not options.stale or run.stale)
    ]


def is_stale(run: OwnRun) -> bool | None:
    """Whether no row of the code as it is gives a run, by what started it; None if that is unknown."""
    if run.stale is False or not run.starts:
        return run.stale
    from reproduce.started_runs import jobs_from  # here: it imports PyTorch

    if any(start.table.partition("/")[0] not in papers() for start in run.starts):  # $REPRODUCE_PAPERS of another shell
        return None
    for start in run.starts:
        try:
            jobs = jobs_from(start)
        except DataError:  # of one's own videos
            return None
        except ValueError:  # today's code has no such row or field
            continue
        if any(job.run.train_id == run.train_id for job in jobs):
            return False
    return True


def runs_text(found: Sequence[OwnRun], options: OfRuns | RunsImport) -> str:
    if not found:
        such = " such" if isinstance(options, OfRuns) and options.selects else ""
        return f"No{such} runs in {options.runs.resolve()}."
    lines = [run.line() for run in found]
    headers = [name for name in HEADERS if name in ALWAYS or len({line[name] for line in lines}) > 1]
    numbers = [headers.index("size")]
    rows = [[line[name] for name in headers] for line in lines]
    notes = [f"{number_of(len(found), 'runs')}, {bytes_text(sum(run.num_bytes for run in found))}"]
    notes += [f"{name}: {lines[0][name]}" for name in HEADERS if name not in headers and lines[0][name]]
    notes.append(f"code here: {commit()}")
    if any(run.stale for run in found):
        notes.append("stale: no row of the code here gives it any more")
    if any(run.stale is None for run in found):
        notes.append("--stale also asks of runs with overrides or other seeds whether they are")
    table = table_text(headers, rows, numbers=numbers, num_labels=num_labels_of(rows))
    return f"{table}\n\n{'; '.join(notes)}"


def remove(options: RunsRemove) -> int:
    if not options.selects:
        raise ValueError("name the runs, e.g. by their ids, or all with '*'")
    found = selected(options)
    if running := [run.train_id for run in found if run.state == "running"]:
        raise ValueError(f"{', '.join(running)}: running, so nothing was removed")
    print(runs_text(found, options), flush=True)
    if not found:
        return DONE
    what = f"{number_of(len(found), 'runs')} ({bytes_text(sum(run.num_bytes for run in found))})"
    if not options.yes:
        if not sys.stdin.isatty():
            raise ValueError(f"add --yes to remove {what}")
        if input(f"remove {what}? [y/N] ").strip().lower() not in ("y", "yes"):
            print("nothing was removed")
            return DONE
    for run in found:
        with run.folder.claim() as claimed:
            try:
                if claimed:
                    shutil.rmtree(run.folder.path)
            except OSError as error:
                raise unwritable(run.folder.path, error) from None
    print(f"removed {what}")
    return DONE


def export(options: RunsExport) -> int:
    """Write runs with weights or results to a file."""
    found = [run for run in selected(options) if run.state in ("done", "trained") and run.folder.config.exists()]
    if not found:
        raise ValueError("no run to export: those that are done or trained can be")
    print(runs_text(found, options), flush=True)
    export_runs([run.folder for run in found], options.file)
    print(f"\n{options.file}: {number_of(len(found), 'runs')}, {bytes_text(options.file.stat().st_size)}")
    print(f"a colleague takes it with `reproduce runs import {shlex.quote(options.file.name)}`")
    return DONE


def import_file(options: RunsImport) -> int:
    ids = {folder.train_id for folder in import_runs(options.file, options.runs)}
    found = [run for run in own_runs(options.runs) if run.train_id in ids]
    print(runs_text(found, options))
    known = captions()
    starts = [start for run in found for start in run.starts if start.table in known]
    if not starts:  # of earlier versions, or of tables that are not here
        if tables := [*dict.fromkeys(next(iter(run.tables)) for run in found if run.tables)]:
            say_next("report", options, tables)
        return DONE
    first = starts[0]
    own = [Path(text.removeprefix(OWN_DATA)) for text in first.overrides if text.startswith(OWN_DATA)]
    if not all(folder.exists() for folder in own):  # those of a colleague
        return DONE
    same = [one for one in starts if (one.overrides, one.scale) == (first.overrides, first.scale)]
    seeds = sorted({one.seed for one in same})
    flags = ["--scale", first.scale, *all_override_words(first.overrides)]
    flags += ["--seeds", ",".join(map(str, seeds))] if any(seeds) else []
    say_next("report", options, dict.fromkeys(one.table for one in same), flags)
    return DONE
