"""Released weights of the runs of tables: which file belongs to which run, its download, and its import into the store.

Every key of a released file is checked against the row's model. The imported weights are stored in a file of their own
and never replace trained weights. `reproduce run --eval-only` tests the row with them, and reports mark such a cell.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from data.inspection.findings import Finding
from experiments.spec.catalog import find, names_listed, released_weights
from experiments.spec.edits import all_overridden
from experiments.spec.released import ReleasedFile, ReleasedWeights
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER
from models.imagenet import weights_folder
from models.tensors import LoadReport
from runner.machine.files import write_record
from runner.store.jobs import Job, runs_of_row
from runner.store.records import ImportedWeights
from runner.store.run_directory import RELEASED_SUFFIX
from runner.store.saved_scores import file_sha256
from runner.store.store import RunStore
from runner.weights.download import downloaded
from runner.weights.weights import save_tensors


class Release(NamedTuple):
    """Released file of a run, and the list of its paper that names it."""

    run: RunConfig
    entry: ReleasedFile
    listed: ReleasedWeights

    @property
    def file_name(self) -> str:
        return f"{self.entry.name}{self.listed.suffix}"

    @property
    def url(self) -> str:
        return self.listed.url(self.entry)

    def finding(self, store: RunStore) -> Finding:
        """Whether the weights are imported, here, to be fetched, or to be got by hand."""
        if store.run(self.run.train_id).released_weights() is not None:
            return Finding("ok", "weights", f"{self.file_name}: imported")
        if self.local is not None:
            return Finding("ok", "weights", f"{self.file_name}: in {self.local}, imported by the run")
        if self.listed.linked:
            remedy = f"get it from {self.url}, and name it with --file"
            return Finding("error", "weights", f"{self.file_name} of {self.entry.row}: without an address", remedy)
        return Finding("ok", "weights", f"{self.file_name}: fetched by the run from {self.url}")

    @property
    def path(self) -> Path:
        """Place of the file in the folder of downloaded weights."""
        return weights_folder() / self.file_name

    @property
    def local(self) -> Path | None:
        """The file in the working directory, or in the folder of downloaded weights; None if it is not here."""
        return next((path for path in (Path(self.file_name), self.path) if path.is_file()), None)

    def is_imported(self, store: RunStore) -> bool:
        record = store.run(self.run.train_id).released_weights()
        return record is not None and record.file == self.file_name

    def as_json(self, store: RunStore) -> dict[str, object]:
        return {
            "file": self.file_name,
            "row": self.entry.row,
            "column": self.entry.column,
            "path": None if self.local is None else str(self.local),
            "imported": self.is_imported(store),
            "url": self.url,
        }


def released_files(patterns: Sequence[str]) -> list[Release]:
    """Released files of the papers of the tables that match."""
    papers = list(dict.fromkeys(name.partition("/")[0] for pattern in patterns for name in names_listed(pattern)))
    known = [listed for paper in papers if (listed := released_weights(paper)) is not None]
    if not known:
        raise ValueError(f"list --weights: no files are known that the authors of {', '.join(papers)} released")
    return [release for listed in known for release in releases_in(listed)]


def releases_in(listed: ReleasedWeights | None) -> Iterator[Release]:
    """Files of the list of a paper, each with its run; none without a list."""
    if listed is not None:
        for entry in listed.files:
            yield Release(runs_of_row(entry.row, PAPER)[entry.column], entry, listed)


def releases_of(jobs: Iterable[Job], overrides: Sequence[str]) -> dict[str, Release]:
    """Released files of the papers of jobs, by the train id of their runs, as printed and under the overrides."""
    releases: dict[str, Release] = {}
    for paper in dict.fromkeys(job.place.table.partition("/")[0] for job in jobs):
        for release in releases_in(released_weights(paper)):
            for run in (release.run, all_overridden(release.run, overrides)):
                releases.setdefault(run.train_id, release._replace(run=run))
    return releases


def needed_releases(run: RunConfig, releases: dict[str, Release]) -> tuple[Release, ...]:
    """Released files with which a run is tested: its own or, without training, those of its parents; else none."""
    if run.train_id in releases:
        return (releases[run.train_id],)
    of_parents = [needed_releases(parent.run, releases) for parent in run.parents if run.optim is None]
    return tuple(chain.from_iterable(of_parents)) if all(of_parents) else ()


def released_remedies(run: RunConfig, row: str) -> list[str]:
    """What to do where the weights of a run of a row are missing, for messages; none without released ones."""
    listed = released_weights(find([row])[0].table.paper)
    needed = needed_releases(run, {release.run.train_id: release for release in releases_in(listed)})
    test = f"test the released ones with `reproduce run {row} --scale paper --released`"
    return [f"{test}: {', '.join(release.url for release in needed)}"] if needed else []


def import_release(
    release: Release, store: RunStore, file: Path | None = None, *, replace: bool = False
) -> ImportedWeights:
    """Import of a released file, or of one fetched by hand. Without one, an earlier import stays as it is.

    A file that is not here is downloaded. `replace`: see `import_weights`.
    """
    record = store.run(release.run.train_id).released_weights()
    if file is None and record is not None:
        return record
    if file is None and (finding := release.finding(store)).severity == "error":
        raise ValueError(f"{finding.subject}: {finding.what}; {finding.remedy}")
    path = file or downloaded(release.url, release.local or release.path)
    cell = f"{release.entry.row}.{release.entry.column}"
    return import_weights(release.run, store, path, release.listed, cell=cell, replace=replace)


def import_weights(
    run: RunConfig,
    store: RunStore,
    file: Path,
    released: ReleasedWeights | None,
    *,
    cell: str = "",
    replace: bool = False,
) -> ImportedWeights:
    """Check a released file against a run's model and save its weights; returns a record of all keys.

    Args:
        cell: name of a cell of the run, after which a new folder is named.
        replace: whether weights and results of another file that was imported before are removed. If not, the file is
            refused.
    """
    model = run.model.with_zeros(run.data.size, run.data.targets)
    report = run.model.load_released(model, file, run.data.size)
    settings = stated_settings(run, file, report, released)
    directory = store.make(run.train_id, cell)
    sha256, previous = file_sha256(file), directory.released_weights()
    if previous is not None and previous.sha256 != sha256 and not replace:
        raise ValueError(
            f"weights: run {run.train_id} has those of {previous.file} (sha256 {previous.sha256[:12]}); to import "
            f"{file} in their place, and to remove their results, add --replace"
        )
    weights = save_tensors(model.state_dict(), directory.released, run)
    if previous is not None and previous.sha256 != sha256:
        for result in directory.path.glob(f"*/*{RELEASED_SUFFIX}.*"):
            result.unlink()
    record = ImportedWeights(
        file=file.name,
        sha256=sha256,
        weights_digest=weights,
        matched=len(report.matched),
        reshaped=tuple(report.reshaped),
        missing=tuple(report.missing),
        unexpected=tuple(report.unexpected),
        remarks=tuple(report.remarks),
        warnings=tuple(report.warnings),
        settings=settings,
    )
    write_record(directory.released_record, record)
    return record


def stated_settings(run: RunConfig, file: Path, report: LoadReport, released: ReleasedWeights | None) -> dict[str, str]:
    """Settings that a loaded file states and its tensors do not determine."""
    try:
        return released.stated_settings(run, report.settings) if released is not None else {}
    except ValueError as error:
        raise ValueError(
            f"weights: {file.name} was trained with {error}: name the row that it belongs to, or change the settings "
            f"of this row with -o"
        ) from None


def import_text(record: ImportedWeights) -> str:
    lines = [f"{record.file} (sha256 {record.sha256[:12]}): {record.matched} keys matched"]
    for kind, names in (
        ("reshaped", record.reshaped),
        ("missing (known: left at their initial values)", record.missing),
        ("unexpected (known: nothing reads them)", record.unexpected),
    ):
        if names:
            lines.append(f"{kind}: {', '.join(names)}")
    lines += [*record.remarks, *(f"WARNING: {text}" for text in record.warnings)]
    stated = ", ".join(f"{name} {value}" for name, value in record.settings.items())
    lines.append(f"trained with, as the file says: {stated or 'nothing that this row knows'}")
    return "\n".join(lines)
