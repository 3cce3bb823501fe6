"""Import of released weights into the run store.

Every key of a released file is checked against the row's model. The imported weights are stored in a file of their own
and never replace trained weights. `reproduce run --eval-only` tests the row with them, and reports mark such a cell.
"""

import json
from pathlib import Path

from experiments.spec.released import ReleasedWeights
from experiments.spec.run import RunConfig
from models.tensors import LoadReport
from runner.machine.files import write_atomically
from runner.store.run_directory import RELEASED_SUFFIX
from runner.store.saved_scores import file_sha256
from runner.store.store import RunStore
from runner.weights.weights import WEIGHTS_DIGEST, save_tensors


def import_weights(run: RunConfig, store: RunStore, file: Path, released: ReleasedWeights | None) -> dict[str, object]:
    """Check a released file against a run's model and save its weights; returns a record of all keys.

    Weights and results of a previously imported file are removed if the files differ.

    Raises:
        ValueError: if the file is damaged or of another model, with the keys, or has other settings than the run.
        OSError: if the file cannot be read, or the weights cannot be saved.
    """
    model = run.model.build(run.data.size, run.data.targets)
    report = run.model.load_released(model, file, run.data.size)
    settings = stated_settings(run, file, report, released)
    directory = store.run(run.train_id)
    sha256, previous = file_sha256(file), directory.released_weights()
    weights = save_tensors(model.state_dict(), directory.released)
    if previous is not None and previous["sha256"] != sha256:
        for result in directory.path.glob(f"*/*{RELEASED_SUFFIX}.*"):
            result.unlink()
    record: dict[str, object] = {
        "file": file.name,
        "sha256": sha256,
        WEIGHTS_DIGEST: weights,
        "matched": len(report.matched),
        "reshaped": list(report.reshaped),
        "missing": list(report.missing),
        "unexpected": list(report.unexpected),
        "remarks": list(report.remarks),
        "warnings": list(report.warnings),
        "settings": settings,
    }
    write_atomically(directory.released_record, json.dumps(record, indent=1) + "\n")
    return record


def stated_settings(run: RunConfig, file: Path, report: LoadReport, released: ReleasedWeights | None) -> dict[str, str]:
    """Settings that a loaded file states and its tensors do not determine.

    Raises:
        ValueError: if they are not those of the run.
    """
    try:
        return released.stated_settings(run, report.settings) if released is not None else {}
    except ValueError as error:
        raise ValueError(
            f"weights: {file.name} was trained with {error}: name the row that it belongs to, or change the settings "
            f"of this row with -o"
        ) from None


def import_text(record: dict[str, object]) -> str:
    """Record of an import as text."""
    lines = [f"{record['file']} (sha256 {str(record['sha256'])[:12]}): {record['matched']} keys matched"]
    for kind in ("reshaped", "missing", "unexpected"):
        names = record[kind]
        assert isinstance(names, list)
        if names:
            known = {"missing": " (known: left at their initial values)", "unexpected": " (known: nothing reads them)"}
            lines.append(f"{kind}{known.get(kind, '')}: {', '.join(map(str, names))}")
    for kind, prefix in (("remarks", ""), ("warnings", "WARNING: ")):
        texts = record[kind]
        assert isinstance(texts, list)
        lines += [f"{prefix}{text}" for text in texts]
    settings = record["settings"]
    assert isinstance(settings, dict)
    stated = ", ".join(f"{name} {value}" for name, value in settings.items())
    lines.append(f"trained with, as the file says: {stated or 'nothing that this row knows'}")
    return "\n".join(lines)
