"""TensorBoard log directory of a table (a view): its runs under the names in the table, and the table in HPARAMS.

Each tested run becomes a run `<row> · <column>`. Its curves are links to its own event files; runs are never changed.
HPARAMS has one line per row of the table. The runs of a row form a session group: each run logs only its own columns,
and several seeds appear as their mean. Published values are in runs and in a session group of their own, with
"published" in their names. IMAGES contains the attention maps of a row, if a figure draws them.
"""

import os
import re
import shutil
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import takewhile
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[attr-defined]  # generated at import
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo  # type: ignore[attr-defined]
from tensorboard.plugins.hparams.summary_v2 import Discrete, HParam, Metric, hparams_config_pb, hparams_pb
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from experiments.runner.files import StoreError
from experiments.runner.store import RunStore
from experiments.spec.metrics import Computed
from experiments.spec.number_formats import value_text
from experiments.spec.table import one_line
from reports.figures import pictured_column, row_pictures
from reports.labels import row_names
from reports.layout import label_texts, levels
from reports.report import Report, ReportRow, SeedResult

# The name sorts before those of the curves. TensorBoard reads the files of a run in this order, and waits for new
# events at the end of the last one.
OWN_FILE = "events.out.tfevents.0000000000.table"
PICTURE = "attention maps"
RGBA = 4  # number of channels of the PNG files of matplotlib
METRICS = "table/"  # prefix of the tags of final metrics, to separate them from the curves


@dataclass(frozen=True)
class Session:
    """Run in the view.

    `group`: key of its row, with a suffix for published values.
    `factors`: labels of its row, by header.
    `values`: final values, by the key of the column.
    `curves`: directory of its event files.
    `picture`: attention maps as PNG.
    """

    name: str
    group: str
    factors: dict[str, str]
    values: dict[str, float]
    curves: Path | None
    finished: bool
    picture: bytes | None = None


def build_view(report: Report, store: RunStore) -> Path:
    """Create or update the log directory of a table, `views/<table>.<scale>` in the store. Returns its path.

    Runs with overrides have a separate directory, with the suffix `.modified`.

    Raises:
        StoreError: if it cannot be written.
    """
    name = f"{report.table.name.replace('/', '_')}.{report.scale.name}"
    view = store.root / "views" / (f"{name}.modified" if report.overrides else name)
    sessions = list(_sessions(report, store))
    experiment = _experiment(report, sessions)
    try:
        view.mkdir(parents=True, exist_ok=True)
        _clear(view, keep={session.name for session in sessions})
        for index, session in enumerate(sessions):
            directory = view / session.name
            directory.mkdir(exist_ok=True)
            _clear(directory, keep=_link(directory, session.curves) | {OWN_FILE})
            _write(directory / OWN_FILE, [experiment, *_summaries(session)], index)
    except OSError as error:
        raise StoreError(f"cannot write {view}: {error.strerror}; name another place with --runs") from None
    return view


def _sessions(report: Report, store: RunStore) -> Iterator[Session]:
    """Runs of a table in its order: one per trained run, even if several columns show it, and one per untrained row."""
    names, pictures = row_names(report.table), row_pictures(report)
    for row in report.rows:
        if row.row.quoted:
            continue
        picture = pictures.get(row.row.key)
        found = {kind: list(_tested_sessions(report, row, store, picture, published=kind)) for kind in (False, True)}
        for published, sessions in found.items():
            yield from sessions
            # Measured and derived values of the row without such a run, or a row without any run.
            alone = not any(found.values()) and not published
            if not sessions and (alone or _untrained_values(report, row, published=published, computed=False)):
                name, group = (text + _suffix(published) for text in (names[row.row.key], row.row.key))
                values = _untrained_values(report, row, published=published)
                yield Session(_file_name(name), group, _factors(report, row), values, None, True)


def _tested_sessions(
    report: Report, row: ReportRow, store: RunStore, picture: bytes | None, *, published: bool
) -> Iterable[Session]:
    """Runs of a row whose results are published, or all others: finished or not."""
    name, drawn_column = row_names(report.table)[row.row.key], pictured_column(report)
    sessions: dict[str, Session] = {}
    tests = _tests(report, row, published=published)
    for cell, column in zip(row.cells, report.table.columns, strict=True):
        for result in cell.seeds:
            if _is_published(result) != published:
                continue
            seed = f" · seed {result.seed}" if len(cell.seeds) > 1 else ""
            seed += " · released weights" if result.released else ""
            drawn = column.key == drawn_column and result.seed == report.seeds[0]
            session = Session(
                name=_file_name(f"{name} · {_shared_header(tests[result.train_id])}{seed}{_suffix(published)}"),
                group=row.row.key + _suffix(published),
                factors=_factors(report, row),
                values=_untrained_values(report, row, published=published),
                curves=store.run(result.train_id).tensorboard,
                finished=all(other.value is not None for other in tests[result.train_id].values()),
                picture=picture if drawn else None,
            )
            session = sessions.setdefault(result.train_id, session)
            if result.value is not None:
                session.values[cell.column] = result.value
    return sessions.values()


def _suffix(published: bool) -> str:
    return " · published" if published else ""


def _is_published(result: SeedResult) -> bool:
    return result.source is not None and result.source.published


def _untrained_values(report: Report, row: ReportRow, *, published: bool, computed: bool = True) -> dict[str, float]:
    """Values of columns without tests: measured and derived ones, either published or not, and computed ones."""
    of_texts = _text_columns(report)
    return {
        cell.column: float(cell.value)
        for cell, column in zip(row.cells, report.table.columns, strict=True)
        if not cell.seeds and isinstance(cell.value, int | float) and cell.column not in of_texts
        if (computed if isinstance(row.row.metric_of(column), Computed) else cell.published == published)
    }


def _tests(report: Report, row: ReportRow, *, published: bool) -> dict[str, dict[tuple[str, ...], SeedResult]]:
    """Tests of each run of a row, either published or not, by the header of the first column that shows the test."""
    tests: dict[str, dict[tuple[str, ...], SeedResult]] = {}
    for cell, column in zip(row.cells, report.table.columns, strict=True):
        for result in cell.seeds:
            of_run = tests.setdefault(result.train_id, {})
            is_shown = any(other.eval_id == result.eval_id for other in of_run.values())
            if _is_published(result) == published and not is_shown:
                of_run[levels(column.header)] = result
    return tests


def _shared_header(headers: Iterable[tuple[str, ...]]) -> str:
    """Header levels that all columns of a run share; the first header if they share none."""
    headers = list(headers)
    shared = [same[0] for same in takewhile(lambda same: len(set(same)) == 1, zip(*headers, strict=False))]
    return one_line(tuple(shared) or headers[0])


def _factors(report: Report, row: ReportRow) -> dict[str, str]:
    """Labels of a row and its values of text columns, by header. All are strings, for one type per header."""
    factors = dict(zip(report.table.labels, label_texts(report.table, row), strict=True))
    of_texts = _text_columns(report)
    for cell, column in zip(row.cells, report.table.columns, strict=True):
        if column.key in of_texts and cell.value is not None:
            factors[one_line(column.header)] = value_text(cell.value, cell.form or column.form)
    return factors


def _text_columns(report: Report) -> set[str]:
    """Keys of the columns with a text, or with yes or no, in any row. All their values are factors, not metrics."""
    return {cell.column for row in report.rows for cell in row.cells if isinstance(cell.value, str | bool)}


def _experiment(report: Report, sessions: list[Session]) -> Summary:
    """Columns of HPARAMS. Every run contains all of them, because TensorBoard reads those of one run only."""
    factors: dict[str, list[str]] = {}
    for session in sessions:
        for header, text in session.factors.items():
            values = factors.setdefault(header, [])
            values += [text] if text not in values else []
    numeric = [c for c in report.table.columns if one_line(c.header) not in factors]
    return hparams_config_pb(
        hparams=[HParam(header, Discrete(values)) for header, values in factors.items()],
        metrics=[Metric(METRICS + c.key, display_name=one_line(c.header)) for c in numeric],
        time_created_secs=0,
    )


def _summaries(session: Session) -> list[Summary]:
    """Factors, final values, picture and end of a run."""
    return [
        hparams_pb(session.factors, trial_id=session.group, start_time_secs=0),
        *(scalar_pb(METRICS + key, value) for key, value in session.values.items()),
        *([_image(session.picture)] if session.picture is not None else []),
        _end(session.finished),
    ]


def _image(png: bytes) -> Summary:
    width, height = struct.unpack(">II", png[16:24])  # offsets in the header of a PNG file
    image = Summary.Image(width=width, height=height, colorspace=RGBA, encoded_image_string=png)
    return Summary(value=[Summary.Value(tag=PICTURE, image=image)])


def _end(finished: bool) -> Summary:
    status = api_pb2.Status.Value("STATUS_SUCCESS" if finished else "STATUS_RUNNING")  # type: ignore[attr-defined]
    content = HParamsPluginData(session_end_info=SessionEndInfo(status=status, end_time_secs=0))
    plugin = metadata.create_summary_metadata(content)
    return Summary(
        value=[Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=plugin, tensor=metadata.NULL_TENSOR)]
    )


def _write(path: Path, summaries: list[Summary], index: int) -> None:
    """Write an event file atomically, and only if it changes: a running TensorBoard would read it twice.

    Args:
        path: event file.
        summaries: contents of its events.
        index: index of the run in the table. It is used as the start time, by which TensorBoard sorts runs.
    """
    content = BytesIO()
    writer = RecordWriter(content)
    writer.write(Event(wall_time=index, file_version="brain.Event:2").SerializeToString())
    for summary in summaries:
        writer.write(Event(wall_time=index, step=0, summary=summary).SerializeToString())
    if path.exists() and path.read_bytes() == content.getvalue():
        return
    partial = path.with_name(f".{os.getpid()}.partial")
    partial.write_bytes(content.getvalue())
    partial.replace(path)


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


def _clear(directory: Path, keep: set[str]) -> None:
    """Remove all entries of a directory but those to keep. Links are removed, their targets are not."""
    for entry in directory.iterdir():
        if entry.name in keep:
            continue
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _file_name(name: str) -> str:
    return re.sub(r"[/\\\x00-\x1f]", "-", name)
