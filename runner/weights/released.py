"""Released weights: the files of a paper, and their import into the run store.

Every key of a released file is checked against the row's model. The imported weights are stored in a file of their own
and never replace trained weights. `reproduce run --eval-only` tests the row with them, and reports mark such a cell.
"""

from pathlib import Path

from experiments.spec.released import ReleasedWeights
from experiments.spec.run import RunConfig
from models.tensors import LoadReport
from runner.machine.files import write_record
from runner.store.records import ImportedWeights
from runner.store.run_directory import RELEASED_SUFFIX
from runner.store.saved_scores import file_sha256
from runner.store.store import RunStore
from runner.weights.weights import save_tensors


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
