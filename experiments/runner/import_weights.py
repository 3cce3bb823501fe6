"""Import of released weights into the run store.

A released file is checked against its row's model key by key. It is kept beside the run's own weights, never in their
place; `reproduce run --eval-only` tests the row with it, and reports mark such a cell.
"""

import hashlib
import json
from pathlib import Path

from safetensors.torch import save_file

from experiments.runner.files import replacing, write_atomically
from experiments.runner.run_directory import RELEASED_SUFFIX
from experiments.runner.store import RunStore
from experiments.spec.released import ReleasedWeights
from experiments.spec.run import RunConfig


def import_weights(run: RunConfig, store: RunStore, file: Path, released: ReleasedWeights | None) -> dict[str, object]:
    """Check a released file against a run's model, keep its weights, and report the fate of each key.

    What was made here with another released file is removed with its weights.

    Raises:
        ValueError: when the file is damaged or another model's, naming the keys.
        OSError: when it cannot be read, or the weights cannot be kept.
    """
    model = run.model.build(run.data.size, run.data.targets)
    report = run.model.load_released(model, file, run.data.size)
    try:
        settings = released.stated_settings(run, report.settings) if released is not None else {}
    except ValueError as error:
        raise ValueError(
            f"weights: {file.name} was trained with {error}: name the row that it belongs to with --as, or say with -o "
            f"what this row is to be changed to"
        ) from None
    directory = store.run(run.train_id)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    held = directory.released_weights()
    with replacing(directory.released) as partial:
        save_file(model.state_dict(), partial)
    if held is not None and held["sha256"] != sha256:
        for made in directory.path.glob(f"*/*{RELEASED_SUFFIX}.*"):
            made.unlink()
    record: dict[str, object] = {
        "file": file.name,
        "sha256": sha256,
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


def import_text(record: dict[str, object]) -> str:
    """The record of an import for people."""
    lines = [f"{record['file']} (sha256 {str(record['sha256'])[:12]}): {record['matched']} keys matched"]
    for fate in ("reshaped", "missing", "unexpected"):
        names = record[fate]
        assert isinstance(names, list)
        if names:
            known = {"missing": " (known: left at their initial values)", "unexpected": " (known: nothing reads them)"}
            lines.append(f"{fate}{known.get(fate, '')}: {', '.join(map(str, names))}")
    for kind, mark in (("remarks", ""), ("warnings", "WARNING: ")):
        texts = record[kind]
        assert isinstance(texts, list)
        lines += [f"{mark}{text}" for text in texts]
    settings = record["settings"]
    assert isinstance(settings, dict)
    stated = ", ".join(f"{name} {value}" for name, value in settings.items())
    lines.append(f"trained with, as the file says: {stated or 'nothing that this row knows'}")
    return "\n".join(lines)
