"""Origins of the numbers of a report: a line for each run and each measurement, with its files and how it was made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.spec.metrics import TOO_LARGE, Computed, Derived, Measured
from experiments.spec.run import RunConfig
from experiments.spec.table import one_line
from reports.pages.data_copies import copy_text
from reports.pages.markup import Markdown
from reports.pages.report import Report, ReportCell, SeedResult
from reports.pages.table_texts import PUBLISHED_SIGN, row_names
from runner.store.records import RecordedSplit, TestRecord
from runner.store.store import StoredMeasurement, StoredTest

# Measured as the README says.
ELSEWHERE = (
    "On CPUs with other vector instructions, and on GPUs, trainings end with slightly other weights. Expect accuracies "
    "at scale `tiny` to differ by about 1 point there."
)


@dataclass
class Origin:
    """Origin of the values of one or more columns of a row. `facts`: how it was made, by kind of fact."""

    row: str
    columns: list[str]
    source: StoredTest | StoredMeasurement
    facts: dict[str, str]

    @property
    def train_id(self) -> str:
        return self.source.directory.train_id


def origins_of(report: Report) -> list[Origin]:
    """Origins of all values that come from files, row by row."""
    names, found = row_names(report.table), dict[tuple[str, Path], Origin]()
    for cell in report.cells:
        for source, facts in _sources(cell):
            new = Origin(names[cell.row.key], [], source, facts)
            found.setdefault((cell.row.key, source.file), new).columns.append(one_line(cell.column.header))
    return list(found.values())


def _sources(cell: ReportCell) -> Iterator[tuple[StoredTest | StoredMeasurement, dict[str, str]]]:
    if cell.measurement is not None and isinstance(cell.metric, Measured):
        for measurement in (cell.measurement, *cell.other_measurements.values()):
            yield measurement, _facts_of_measurement(measurement.record, cell.cell.paper_run, cell.metric)
    for result in cell.seeds:
        if result.test is not None and result.value is not None:
            for test in (result.test, *result.others.values()):
                yield test, _facts_of_test(result, test)


def _facts_of_test(result: SeedResult, test: StoredTest) -> dict[str, str]:
    """Facts about a test and the training of its weights. Older results lack some."""
    run, record = result.run, test.record
    videos, answers = record.videos, record.hits.bits if record.hits is not None else ()
    official = run.data.dataset.official_size("test")
    counts = f"{videos.evaluated} / {videos.failed} / {videos.missing}"
    replaced = "unknown" if record.replaced_in_training is None else str(record.replaced_in_training)
    is_trained = run.optim is not None and not result.released
    return {
        "seed": str(run.seed),
        "name": test.directory.names,
        "views × crops": f"{record.views} × {record.crops}",
        "evaluated / failed / missing": counts + (f" of {official} official" if official is not None else ""),
        "data": copy_text(record.data),
        "weights": _weights(record),
        "replaced in training": replaced if is_trained else "",
        "colour jitter": "on the device" if record.device_jitter else "",
        "model": "compiled" if record.compiled else "",
        "devices × items at a time × accumulation": ", then ".join(_split(split) for split in record.batch_splits),
        "precision": _precision(record.precision, run),
        "hardware": _hardware(record),
        "published by": record.by,
        "taken on trust": ", ".join(name for name in run.objective.metrics if name not in answers),
        "versions": _versions([session.versions for session in record.sessions]),
    }


def _facts_of_measurement(record: dict, run: RunConfig | None, metric: Measured) -> dict[str, str]:
    assert run is not None
    count, rounds = record["batch_size"], record.get("rounds", 0)
    too_large = "; too large for the memory" if TOO_LARGE in record else ""
    median = f"; median of {rounds} rounds" if rounds > 1 else "; one round" if rounds else ""
    return {
        "measured": f"{metric.sentence} {count:,} {run.data.size.kind}{'' if count == 1 else 's'}{median}{too_large}",
        "session": record.get("session", ""),
        "precision": record["precision"],
        "hardware": record["hardware"],
        "published by": record.get("by", ""),
        "versions": _versions([record["versions"]]),
    }


def _weights(record: TestRecord) -> str:
    """Released files that were tested, or that a training started from."""
    if (file := record.released_weights) is not None:
        warnings = "; ".join(file.warnings)
        return f"released {file.file}, sha256 {file.sha256[:12]}" + (f" ({warnings})" if warnings else "")
    return "; ".join(
        f"{start.part or 'all'} started from {start.file}, sha256 {start.sha256[:12]}" for start in record.started_from
    )


def _split(split: RecordedSplit) -> str:
    """Split of the global batch. Those after the first have their first step."""
    start = f" from step {split.from_step}" if split.from_step else ""
    return f"{split.devices} × {split.micro_batch} × {split.accumulation}{start}"


def _precision(used: str, run: RunConfig) -> str:
    recipe = run.optim.precision if run.optim is not None else used
    return used if used == recipe else f"{used}, not {recipe} as in the recipe"


def _joined(values: Sequence[str]) -> str:
    return " and ".join(dict.fromkeys(values))


def _hardware(record: TestRecord) -> str:
    """Hardware of a test, and that of its training and of its parents' trainings if it is another one."""
    *trained, tested = (session.hardware for session in record.sessions)
    return tested if {*trained} <= {tested} else f"{_joined(trained)} (trained), {tested} (tested)"


def _versions(of_processes: Sequence[Mapping[str, str]]) -> str:
    names = dict.fromkeys(name for versions in of_processes for name in versions)
    found = {name: [versions[name] for versions in of_processes if name in versions] for name in names}
    return ", ".join(f"{name} {_joined(several)}" for name, several in found.items())


def origins_text(report: Report, markup: Markdown) -> str:
    """Folded table with a line for each run and measurement, below what is the same for all of them."""
    origins = origins_of(report)
    facts = dict.fromkeys(name for origin in origins for name in origin.facts)
    texts = {"columns": [", ".join(origin.columns) for origin in origins]}
    texts |= {name: [origin.facts.get(name, "") for origin in origins] for name in facts}
    same = [markup.escaped(f"{name}: {found[0]}") for name, found in texts.items() if any(found) and len({*found}) == 1]
    differing = [name for name, found in texts.items() if len({*found}) > 1]
    lines = [
        [
            markup.escaped(origin.row),
            markup.link(origin.source.file.stem, origin.source.file)
            + (f" {PUBLISHED_SIGN}" if origin.source.directory.is_published else ""),
            markup.link(origin.train_id, config)
            if (config := origin.source.directory.config).exists()
            else origin.train_id,
            origin.source.commit,
            *(markup.escaped(texts[name][number]) for name in differing),
        ]
        for number, origin in enumerate(origins)
    ]
    table = markup.table([["row", "result", "run", "commit", *differing]], lines) if lines else ""
    elsewhere = markup.paragraph(ELSEWHERE) if origins and not report.scale.comparable else ""
    parts = (markup.items(same), table, elsewhere, _without_runs(report, markup))
    return markup.folded("Where the numbers come from", *parts)


def _without_runs(report: Report, markup: Markdown) -> str:
    """Sentences on the columns, and the rows of a setting, whose values need no run."""
    names, columns = row_names(report.table), report.table.columns
    shown = [column for column in columns if any(cell.value is not None for cell in report.column(column.key))]
    computed = [one_line(column.header) for column in shown if isinstance(column.metric, Computed)]
    of_rows = (cell.row.key for cell in report.cells if cell.row.metric and isinstance(cell.metric, Computed))
    computed += [names[key] for key in dict.fromkeys(of_rows)]
    sentences = [f"{', '.join(computed)}: computed from the config, without a run."] if computed else []
    headers = {column.key: one_line(column.header) for column in columns}
    for column in shown:
        if isinstance(column.metric, Derived):
            parts = ", ".join(headers[key] for key in column.metric.columns)
            sentences.append(f"{headers[column.key]}: {column.metric.noun} of {parts}.")
    return markup.paragraph(markup.escaped(" ".join(sentences)))
