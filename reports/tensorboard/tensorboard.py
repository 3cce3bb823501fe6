"""TensorBoard log directory of tables (a view): their runs under the names in the tables, and the tables in HPARAMS.

Each tested run becomes a run `<row> · <column>`. Its curves are links to its own event files; runs are never changed.
HPARAMS has one line per row, in the order of the tables: our values beside the printed ones, several seeds as their
mean. IMAGES contains the answers of tests, figures and attention maps; TEXT the configs and the rendered tables.
Nothing of the view itself is a scalar, so that SCALARS and TIME SERIES contain the curves of the trainings alone.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]  # generated at import

from experiments.spec.run import RunConfig
from experiments.spec.table import one_line
from reports.figures.figures import drawer, picture, pictured_column, row_pictures
from reports.figures.row_plots import plot
from reports.pages.labels import row_names
from reports.pages.layout import levels
from reports.pages.markdown import markdown, report_path
from reports.pages.markdown_markup import without_tags
from reports.pages.report import Report, ReportRow, SeedResult
from reports.tensorboard import tensorboard_events as events
from reports.tensorboard.hparam_values import HParamValues
from reports.tensorboard.tensorboard_events import OWN_FILE, PICTURES_FILE, HParamColumn, write_events
from runner.machine.files import StoreError
from runner.store.store import RunStore

VIEWS = "views/"  # group of the pictures, which TensorBoard sorts after the curves `train` and `val`
PICTURE = VIEWS + "attention maps"
REPORT, CONFIG = "report", "run config"  # tags of texts; the first one also is the name of the run of a table itself
FIGURE, PLOT = VIEWS + "figure", VIEWS + "plot"
IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)\n*")  # in markdown
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:)[^)]*\)")


@dataclass(frozen=True)
class Session:
    """Run in the view.

    `group`: its line in HPARAMS; None for the run of a table itself.
    `curves`: directory of its event files.
    `test`: its run and whether released weights were tested, if it was tested here.
    """

    name: str
    group: str | None
    values: Mapping[HParamColumn, str | float] = field(default_factory=dict)
    curves: Path | None = None
    finished: bool = True
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    test: tuple[RunConfig, bool] | None = None

    @property
    def has_curves(self) -> bool:
        return self.curves is not None and any(self.curves.glob("*tfevents*"))


def build_view(reports: Sequence[Report], store: RunStore) -> Path:
    """Create or update the log directory of tables, in `views` of the store. Returns its path.

    Raises:
        StoreError: if it cannot be written.
    """
    view = store.root / "views" / view_name(reports)
    hparams = HParamValues(reports)
    found = [session for report in reports for session in _sessions(report, store, hparams, reports)]
    # TensorBoard has seven colours and gives them in this order. Runs without curves need none.
    sessions = sorted(found, key=lambda session: not session.has_curves)
    columns = events.hparam_columns(
        {column: [s.values[column] for s in found if column in s.values] for column in hparams.columns.values()}
    )
    try:
        view.mkdir(parents=True, exist_ok=True)
        _clear(view, keep={session.name for session in sessions})
        for index, session in enumerate(sessions):
            directory = view / session.name
            directory.mkdir(parents=True, exist_ok=True)
            pictures = _update_pictures(directory / PICTURES_FILE, session, store, index)
            _clear_files(directory, keep=_link(directory, session.curves) | {OWN_FILE} | pictures)
            write_events(directory / OWN_FILE, _summaries(session, columns), index)
    except OSError as error:
        raise StoreError(f"cannot write {view}: {error.strerror}; name another place with --runs") from None
    return view


def view_name(reports: Sequence[Report]) -> str:
    """Directory of a view: `<table>.<scale>`, with the number of further tables and a hash of their names.

    Runs with overrides have a separate directory, with the suffix `.modified`.
    """
    first = reports[0]
    name = first.table.name.replace("/", "_")
    if len(reports) > 1:
        names = " ".join(report.table.name for report in reports)
        name += f"+{len(reports) - 1}-{hashlib.sha256(names.encode()).hexdigest()[:6]}"
    return f"{name}.{first.scale.name}" + (".modified" if first.overrides else "")


def _sessions(report: Report, store: RunStore, hparams: HParamValues, reports: Sequence[Report]) -> Iterator[Session]:
    """Runs of a table in its order: one per trained run, or one for a row without any. The last is the table itself.

    TensorBoard sorts names, so rows are numbered. Of several tables, names start with the table and numbers go on.

    Args:
        reports: all tables of the view.
    """
    folder = f"{report.table.name}/" if len(reports) > 1 else ""
    names, pictures = row_names(report.table), row_pictures(report)
    digits = len(str(sum(len(other.rows) for other in reports)))
    first = 1 + sum(len(other.rows) for other in takewhile(lambda other: other is not report, reports))
    for number, row in enumerate(report.rows, first):
        if row.row.quoted:
            continue
        numbered, values = f"{number:0{digits}d} ", hparams.of_row(report, row)
        group = f"{numbered}{row.row.key}"
        name = f"{folder}{_file_name(numbered + names[row.row.key])}"
        sessions = list(_tested_sessions(report, row, store, pictures.get(row.row.key), Session(name, group, values)))
        yield from sessions or [Session(name, group, values)]
    yield Session(f"{folder}{REPORT}", None, pictures=_pictures(report), texts={REPORT: _text(report, store)})


def _tested_sessions(
    report: Report, row: ReportRow, store: RunStore, drawn: bytes | None, session: Session
) -> Iterable[Session]:
    """Runs of a row: finished or not, or published.

    Args:
        drawn: attention maps of the row as PNG.
        session: name, group and values of the row.
    """
    drawn_column, runs = pictured_column(report), _runs(report)
    tests = _tests(row, report)
    sessions: dict[str, Session] = {}
    for cell, column in zip(row.cells, report.table.columns, strict=True):
        for result in cell.seeds:
            own = tests[result.train_id]
            seed = f" · seed {result.seed}" if len(cell.seeds) > 1 else ""
            seed += " · released weights" if result.released else ""
            published = " · published" if all(map(_is_published, own.values())) else ""
            is_drawn = drawn is not None and column.key == drawn_column and result.seed == report.seeds[0]
            tested_here = [r for r in own.values() if r.value is not None and not _is_published(r)]
            found = Session(
                name=f"{session.name} · {_file_name(_shared_header(own))}{seed}{published}",
                group=session.group,
                values=session.values,
                curves=store.run(result.train_id).tensorboard,
                finished=all(other.value is not None for other in own.values()),
                pictures={PICTURE: drawn} if is_drawn and drawn is not None else {},
                texts={CONFIG: _config(runs[result.train_id, result.eval_id])},
                test=(runs[result.train_id, tested_here[0].eval_id], tested_here[0].released) if tested_here else None,
            )
            sessions.setdefault(result.train_id, found)
    return sessions.values()


def _is_published(result: SeedResult) -> bool:
    return result.source is not None and result.source.published


def _runs(report: Report) -> dict[tuple[str, str], RunConfig]:
    """Runs of the cells, by the ids of the run and of its test."""
    rows = [row.row.key for row in report.rows]
    cells = report.table.cells(report.scale, rows=rows, overrides=report.overrides, seeds=report.seeds)
    return {(run.train_id, run.eval_id): run for cell in cells if cell.tested for run in cell.runs}


def _tests(row: ReportRow, report: Report) -> dict[str, dict[tuple[str, ...], SeedResult]]:
    """Tests of each run of a row, by the header of the first column that shows the test."""
    tests: dict[str, dict[tuple[str, ...], SeedResult]] = {}
    for cell, column in zip(row.cells, report.table.columns, strict=True):
        for result in cell.seeds:
            of_run = tests.setdefault(result.train_id, {})
            if all(other.eval_id != result.eval_id for other in of_run.values()):
                of_run[levels(column.header)] = result
    return tests


def _shared_header(headers: Iterable[tuple[str, ...]]) -> str:
    """Header levels that all columns of a run share; the first header if they share none."""
    headers = list(headers)
    shared = [same[0] for same in takewhile(lambda same: len(set(same)) == 1, zip(*headers, strict=False))]
    return one_line(tuple(shared) or headers[0])


def _config(run: RunConfig) -> str:
    return f"```json\n{json.dumps(run.description, indent=1)}\n```"


def _text(report: Report, store: RunStore) -> str:
    """Rendered report, without what TensorBoard does not show: pictures, links, and folds."""
    text = markdown(report, report_path(report.table, report.scale, store.root / "reports"))
    return without_tags(LINK.sub(r"\1", IMAGE.sub("", text)))


def _pictures(report: Report) -> dict[str, bytes]:
    """Figure and plot of a table."""
    figure, plotted = drawer(report), plot(report)
    found = {FIGURE: picture(report, figure)} if figure is not None else {}
    return found | ({PLOT: plotted} if plotted is not None else {})


def _summaries(session: Session, columns: Summary) -> list[Summary]:
    """Line in HPARAMS, texts and pictures of a run, and its end."""
    shown = [
        *(events.text(tag, text) for tag, text in session.texts.items()),
        *(events.picture(tag, png) for tag, png in session.pictures.items()),
    ]
    if session.group is None:
        return shown
    return [columns, events.hparams(session.values, session.group), *shown, events.end(session.finished)]


def _update_pictures(path: Path, session: Session, store: RunStore, index: int) -> set[str]:
    """Write the pictures of a test, unless they are newer than its scores. Returns the name of the file, if any."""
    if session.test is None:
        return set()
    run, released = session.test
    directory = store.run(run.train_id)
    sources = (of(run.eval_id, released=released) for of in (directory.predictions, directory.shown_clips))
    changed = max((source.stat().st_mtime for source in sources if source.exists()), default=None)
    if changed is None:
        return set()
    if not path.exists() or path.stat().st_mtime <= changed:
        from reports.figures.test_pictures import test_pictures  # matplotlib takes a second to import

        drawn = test_pictures(run, store, released=released)
        write_events(path, [events.picture(VIEWS + name, png) for name, png in drawn.items()], index)
    return {path.name}


def _link(directory: Path, curves: Path | None) -> set[str]:
    """Link the event files of a run into a directory of the view. Returns their names."""
    names = set()
    for file in sorted(curves.glob("*tfevents*")) if curves is not None else []:
        link = directory / file.name
        target = os.path.relpath(file.resolve(), directory.resolve())
        if not (link.is_symlink() and os.readlink(link) == target):
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        names.add(file.name)
    return names


def _clear(view: Path, keep: set[str]) -> None:
    """Remove all directories of a view but those of its runs and above them. Links are removed, not their targets."""
    kept = {Path(name) for name in keep} | {parent for name in keep for parent in Path(name).parents}
    for entry in sorted(view.rglob("*")):
        if entry.is_dir() and not entry.is_symlink() and entry.relative_to(view) not in kept:
            shutil.rmtree(entry, ignore_errors=True)


def _clear_files(directory: Path, keep: set[str]) -> None:
    """Remove all files of a run in the view but those to keep."""
    for entry in directory.iterdir():
        if entry.name not in keep and (entry.is_symlink() or not entry.is_dir()):
            entry.unlink()


def _file_name(name: str) -> str:
    """Name without characters that a directory cannot have. The slash becomes a similar sign."""
    return re.sub(r"[\\\x00-\x1f]", "-", name.replace("/", "∕"))
