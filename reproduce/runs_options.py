"""Options of the verbs of `reproduce runs`."""

from pathlib import Path

from reproduce.options import SCALES, Json, Options, Stored, any_tables, option

GROUPS = {"runs": "List, remove, export and import one's own runs."}  # help, by the first word of verbs of two
STATES = ("done", "trained", "running", "interrupted", "failed", "not run", "released weights")


class OfRuns(Stored):
    """Some of one's own runs."""

    tables: tuple[str, ...] = any_tables((), "only runs of paper/table, paper/table:row, a glob, or an id")
    scale: str | None = option(choices=SCALES, help="only runs at this scale")
    name: str | None = option(help="only runs with this name, given by `run --name`")
    state: str | None = option(choices=STATES, metavar="STATE", help=f"only runs in this state: {', '.join(STATES)}")
    stale: bool = option(default=False, help="only runs that no row of the code here gives any more")

    @property
    def selects(self) -> bool:
        return bool(self.tables or self.scale or self.name or self.state or self.stale)


class RunsList(Json, OfRuns, verb="runs list"):
    """One's own runs: row, overrides, seed, state, value, code, date and size."""


class RunsRemove(OfRuns, verb="runs rm"):
    """Remove runs, with their weights and results."""

    yes: bool = option(default=False, help="do not ask")


class OfFile(Options):
    file: Path = option("file", metavar="FILE.tar.gz", help="a file of runs, .tar or .tar.gz")


class RunsExport(OfRuns, OfFile, verb="runs export"):
    """Write finished runs to a new file, with weights, records, scores and provenance."""


class RunsImport(Stored, OfFile, verb="runs import"):
    """Take the runs of a file of `runs export`, after a check. None that is here is replaced."""
