"""TensorBoard log directory of tables (a view): their runs under the names in the tables, and the tables in HPARAMS.

Each tested run becomes a run `<row> · <column>`. Its curves are links to its own event files; runs are never changed.
Those of a published run are written from its `curves.csv`.
HPARAMS has one line per row and set of overrides, in the order of the tables: the overridden fields, our values beside
the printed ones, several seeds as their mean and standard deviation. IMAGES contains the answers of tests, figures and
attention maps; TEXT the configs and the rendered tables. Nothing of the view itself is a scalar, so that SCALARS and
TIME SERIES contain the curves of the trainings alone.
"""

import hashlib
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from torch.utils.tensorboard import SummaryWriter

from experiments.spec.names import UNCHANGED
from experiments.spec.run import RunConfig
from reports.curves import Curves, published_curves
from reports.figures import figures
from reports.figures.drawer import shared_header
from reports.pages.markup import Unlinked
from reports.pages.report import Report, ReportCell, ReportRow, SeedResult
from reports.pages.table_texts import levels, row_names
from reports.saved import JudgedReport
from reports.tensorboard.hparams import HParams, Line, end
from reports.variants import changes_text
from runner.machine.files import StoreError
from runner.store.picture_files import AnsweredClips
from runner.store.run_directory import RunDirectory
from runner.store.store import RunStore

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The names sort before those of the curves. TensorBoard reads the files of a run in this order, and waits for new
# events at the end of the last one.
OWN_FILE = "events.out.tfevents.0000000000.table"
PICTURES_FILE = "events.out.tfevents.0000000001.pictures"
VIEWS = "views/"  # group of the pictures, which TensorBoard sorts after the curves `train` and `val`
PICTURE = VIEWS + "attention maps"
REPORT, CONFIG = "report", "run config"  # tags of texts; the first one also is the name of the run of a table itself
LONGEST = 80  # characters of overrides in a name
FIGURE, PLOT = VIEWS + "figure", VIEWS + "plot"


@dataclass(frozen=True)
class Session:
    """Run in the view: one or more runs are a line in HPARAMS, that of a row; the run of a table itself has none."""

    name: str
    line: Line | None = None
    group: str = ""
    """Name of the line; empty without one."""
    suffix: str = ""
    """End of the names of its runs: their overrides, if any run of the view has some."""
    event_files: Sequence[Path] = ()
    published: Curves = field(default_factory=dict)
    """Its curves, if they are published and not made here."""
    finished: bool = True
    pictures: "Mapping[str, Figure]" = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    test: tuple[RunConfig, RunDirectory] | None = None
    """Its first test that was made here and kept scores or clips, with its directory."""


def build_view(reports: Sequence[Report], store: RunStore) -> Path:
    """Create the log directory of tables anew, in `views` of the store. Returns its path."""
    view = store.root / "views" / view_name(reports)
    hparams = HParams(reports)
    # TensorBoard has seven colours and gives them by the time of the first event. Runs without curves need none.
    found = [session for report in reports for session in _sessions(report, store, reports)]
    sessions = sorted(found, key=lambda session: not (session.event_files or session.published))
    try:
        view.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=view.parent) as folder:
            new = Path(folder) / view.name
            for session in sessions:
                _write(session, new / session.name, hparams)
                _write_pictures(session, new / session.name, view / session.name)
            if view.exists():
                view.rename(Path(folder) / "old")
            new.rename(view)
    except OSError as error:
        raise StoreError(f"cannot write {view}: {error.strerror}; name another place with --runs") from None
    return view


def view_name(reports: Sequence[Report]) -> str:
    """Directory of a view: `<table>.<scale>`, with the number of further tables and a hash of their names.

    Each set of overrides, or several sets, have a directory of their own, `<table>.<scale>.optim.epochs=3`.
    """
    first, tables = reports[0], dict.fromkeys(report.table.name for report in reports)
    name = first.table.name.replace("/", "_")
    if len(tables) > 1:
        name += f"+{len(tables) - 1}-{hashlib.sha256(' '.join(tables).encode()).hexdigest()[:6]}"
    several = dict.fromkeys(report.overrides for report in reports)
    variants = "+".join(", ".join(one) or UNCHANGED for one in several) if any(several) else ""
    return f"{name}.{first.scale.name}" + (f".{_short(re.sub('[^-+.,=A-Za-z0-9_]', '', variants))}" if variants else "")


def _short(text: str) -> str:
    """Text for a name of a file, whose length is limited. A long one ends in its hash."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def _sessions(report: Report, store: RunStore, reports: Sequence[Report]) -> Iterator[Session]:
    """Runs of a table in its order: one per trained run, or one for a row without any. The last is the table itself.

    TensorBoard sorts names, so rows are numbered. Of several tables, names start with the table and numbers go on.
    Variants of a row have one number.

    Args:
        reports: all tables of the view, under all overrides.
    """
    table, names, sizes = report.table.name, row_names(report.table), {one.table.name: len(one.rows) for one in reports}
    several = [one.overrides for one in reports]
    folder, variant = f"{table}/" if len(sizes) > 1 else "", changes_text(report.overrides, several)
    suffix = f" · {_file_name(_short(variant))}" if any(several) else ""
    drawer = figures.drawer(report)
    drawn, columns = (drawer.row_pictures(), drawer.shown_columns()) if drawer is not None else ({}, ())
    digits = len(str(sum(sizes.values())))
    first = 1 + sum(sizes[name] for name in takewhile(lambda name: name != table, sizes))
    for number, row in enumerate(report.rows, first):
        if row.row.quoted:
            continue
        numbered = f"{number:0{digits}d} "
        session = Session(
            f"{folder}{_file_name(numbered + names[row.row.key])}",
            (table, report.overrides, row.row.key),
            numbered + row.row.key + suffix,
            suffix,
        )
        runs = _tests_by_run(row)
        if not runs:
            yield replace(session, name=session.name + suffix)
        for tests in runs:
            cell, result = tests[0]
            is_drawn = cell.column.key in columns and result is cell.seeds[0]
            pictures = {PICTURE: drawn[name]} if is_drawn and (name := names[row.row.key]) in drawn else {}
            yield replace(_of_run(session, tests, store), pictures=pictures)
    pictures = {PLOT if report.table.figure is None else FIGURE: drawer.picture()} if drawer is not None else {}
    page = JudgedReport(report).page(Unlinked())
    yield Session(f"{folder}{REPORT}{suffix}", pictures=pictures, texts={REPORT: page})


def _tests_by_run(row: ReportRow) -> list[list[tuple[ReportCell, SeedResult]]]:
    """Tests of each run of a row, finished or not, each with the first cell that shows it."""
    runs: dict[str, dict[str, tuple[ReportCell, SeedResult]]] = {}
    for cell in row.cells:
        for result in cell.seeds:
            runs.setdefault(result.run.train_id, {}).setdefault(result.run.eval_id, (cell, result))
    return [list(tests.values()) for tests in runs.values()]


def _of_run(session: Session, tests: list[tuple[ReportCell, SeedResult]], store: RunStore) -> Session:
    """Run with some tests, in the line of a session."""
    cell, first = tests[0]
    name = f"{session.name} · {_file_name(shared_header([levels(shown.column.header) for shown, _ in tests]))}"
    name += session.suffix + (f" · seed {first.run.seed}" if len(cell.seeds) > 1 else "")
    own, published = store.run(first.run.train_id), all(result.published for _, result in tests)
    name += f" · {own.names}" if own.names else ""
    name += " · released weights" if first.released else ""
    name += " · published" if published else ""
    shown = ((one.run, one.test.directory) for _, one in tests if one.test is not None and one.value is not None)
    made_here = (one for one in shown if not one[1].is_published)
    return replace(
        session,
        name=name,
        event_files=sorted(own.tensorboard.glob("*tfevents*")),
        published=published_curves(store.published(own)) if published and not own.tensorboard.exists() else {},
        finished=all(result.value is not None for _, result in tests),
        texts={CONFIG: f"```json\n{json.dumps(first.run.description, indent=1)}\n```"},
        test=next((one for one in made_here if _sources(*one)), None),
    )


def _write(session: Session, directory: Path, hparams: HParams) -> None:
    """Line in HPARAMS, texts and pictures of a run, its end, and links to its curves."""
    now = time.time()
    with _writer(directory / OWN_FILE) as writer:
        assert writer.file_writer is not None
        if session.line is not None:
            writer.file_writer.add_summary(hparams.columns())
            writer.file_writer.add_summary(hparams.line(session.line, session.group))
        for tag, text in session.texts.items():
            writer.add_text(tag, text)
        for tag, figure in session.pictures.items():
            writer.add_figure(tag, figure)
        for tag, points in session.published.items():
            for point in points:
                writer.add_scalar(tag, point.value, point.step, now + point.seconds)
        if session.line is not None:
            writer.file_writer.add_summary(end(finished=session.finished))
    for file in session.event_files:
        (directory / file.name).symlink_to(file.resolve())


def _write_pictures(session: Session, directory: Path, before: Path) -> None:
    """Pictures of a test; those of the view before, if they are newer than its scores.

    Args:
        before: directory of the run in the view before.
    """
    if session.test is None:
        return
    changed = max(source.stat().st_mtime for source in _sources(*session.test))
    kept = before / PICTURES_FILE
    if kept.exists() and kept.stat().st_mtime > changed:
        shutil.copy2(kept, directory)
    else:
        from reports.figures.answers import pictures_of_test  # matplotlib takes a second to import

        with _writer(directory / PICTURES_FILE) as writer:
            for name, figure in pictures_of_test(*session.test).items():
                writer.add_figure(VIEWS + name, figure)


def _sources(run: RunConfig, directory: RunDirectory) -> list[Path]:
    """Files of the pictures of a test that are here."""
    files = (directory.scores(run.eval_id), directory.pictures(AnsweredClips.folder, run.eval_id))
    return [file for file in files if file.exists()]


@contextmanager
def _writer(path: Path) -> Iterator[SummaryWriter]:
    """Writer of an event file, which gets its name at the end."""
    folder = path.with_suffix(".partial")
    with SummaryWriter(str(folder), max_queue=0) as writer:  # no limit: a full queue waits for the disk at each event
        yield writer
    (written,) = folder.iterdir()
    written.rename(path)
    folder.rmdir()


def _file_name(name: str) -> str:
    """Name without characters that a directory cannot have. The slash becomes a similar sign."""
    return re.sub(r"[\\\x00-\x1f]", "-", name.replace("/", "∕"))
