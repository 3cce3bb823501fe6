"""The authors' released weights: which there are, which row each belongs to, and taking one into the run store.

A released file is checked against its row's model key by key. It is kept beside the run's own weights, never in their
place; `reproduce run --eval-only` tests the row with it, and reports mark such a cell.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import NamedTuple

from safetensors.torch import save_file

from data.sampling import DenseSampling
from experiments.run import RunConfig
from experiments.store import RELEASED as RELEASED_RESULT
from experiments.store import RunStore, replacing, write_atomically
from models.mixers.trajectory import TrajectoryAttention
from models.pretrained import RELEASED_AT, load_released
from models.trunk import VideoViT

WARNING = "WARNING"  # begins what is said of weights that hardly suit their row
INITIAL_STD = 0.02  # of the authors' Linears; weight decay only shrinks what no gradient reaches


class Released(NamedTuple):
    """A released file, and the cell whose printed number it made.

    The link of k600_motionformer_336_16x8 was reported broken; the config behind that row is named 336_16x4.
    """

    name: str
    row: str
    column: str

    @property
    def url(self) -> str:
        """Where the authors publish it."""
        return f"{RELEASED_AT}/{self.name}.pyth"


# fmt: off
RELEASED = (
    Released("k400_joint_224_16x4",         "motionformer/table4:joint",       "k400"),
    Released("k400_divided_224_16x4",       "motionformer/table4:divided",     "k400"),
    Released("k400_motionformer_224_16x4",  "motionformer/table6b:mformer",    "top1"),
    Released("k400_motionformer_336_16x8",  "motionformer/table6b:mformer-hr", "top1"),
    Released("k400_motionformer_224_32x3",  "motionformer/table6b:mformer-l",  "top1"),
    Released("k600_motionformer_224_16x4",  "motionformer/table6d:mformer",    "top1"),
    Released("k600_motionformer_336_16x8",  "motionformer/table6d:mformer-hr", "top1"),
    Released("k600_motionformer_224_32x3",  "motionformer/table6d:mformer-l",  "top1"),
    Released("ssv2_joint_224_16x4",         "motionformer/table4:joint",       "ssv2"),
    Released("ssv2_divided_224_16x4",       "motionformer/table4:divided",     "ssv2"),
    Released("ssv2_motionformer_224_16x4",  "motionformer/table6a:mformer",    "top1"),
    Released("ssv2_motionformer_336_16x4",  "motionformer/table6a:mformer-hr", "top1"),
    Released("ssv2_motionformer_224_32x3",  "motionformer/table6a:mformer-l",  "top1"),
    Released("ek_motionformer_224_16x4",    "motionformer/table6c:mformer",    "action"),
    Released("ek_motionformer_336_16x4",    "motionformer/table6c:mformer-hr", "action"),
    Released("ek_motionformer_224_32x3",    "motionformer/table6c:mformer-l",  "action"),
)
# fmt: on


def import_weights(run: RunConfig, store: RunStore, file: Path) -> dict[str, object]:
    """Check a released file against a run's model, keep its weights, and say what became of each key.

    What was made here with another released file goes with its weights.

    Raises:
        ValueError: when the file is damaged or another model's, naming the keys.
        OSError: when it cannot be read, or the weights cannot be kept.
    """
    num_classes = run.data.dataset.num_classes
    model = run.model.build(frames=run.data.frames, crop=run.data.crop, num_classes=num_classes)
    report = load_released(model, file)
    settings = check_settings(run, report.settings, file.name)
    directory = store.run(run.train_id)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    held = directory.released_weights()
    with replacing(directory.released) as partial:
        save_file(model.state_dict(), partial)
    if held is not None and held["sha256"] != sha256:
        for made in directory.path.glob(f"*/*{RELEASED_RESULT}.*"):
            made.unlink()
    record = {
        "file": file.name,
        "sha256": sha256,
        "matched": len(report.matched),
        "reshaped": list(report.reshaped),
        "missing": list(report.missing),
        "unexpected": list(report.unexpected),
        "values": state_of_values(model, max(INITIAL_STD, run.model.linear_std)),
        "settings": settings,
    }
    write_atomically(directory.released_record, json.dumps(record, indent=1) + "\n")
    return record


def check_settings(run: RunConfig, settings: str, name: str) -> dict[str, str]:
    """What a file's own settings say of what its tensors' shapes do not tell.

    Raises:
        ValueError: where they are not those of the run.
    """
    stated = dict(re.findall(r"^\s*([A-Z_]+):\s*['\"]?([\w.]+)['\"]?\s*$", settings, flags=re.MULTILINE))
    expected = expected_settings(run)
    found = {key: stated[key] for key in expected if key in stated}
    other = [f"{key} {value} (this row: {expected[key]})" for key, value in found.items() if value != expected[key]]
    if other:
        raise ValueError(
            f"weights: {name} was trained with {', '.join(other)}: name the row that it belongs to with --as, or say "
            f"with -o what this row is to be changed to"
        )
    return found


def expected_settings(run: RunConfig) -> dict[str, str]:
    """A run in the words of the authors' settings."""
    attention, sampling = run.model.attention, run.data.sampling
    words: dict[str, object] = {"NUM_FRAMES": run.data.frames, "TRAIN_CROP_SIZE": run.data.crop}
    if isinstance(sampling, DenseSampling.Config):  # segments have no rate
        words["SAMPLING_RATE"] = sampling.stride
    if isinstance(attention, TrajectoryAttention.Config) and attention.approximation is None:
        words["APPROX_ATTN_TYPE"] = "none"
    return {name: str(word) for name, word in words.items()}


def state_of_values(model: VideoViT, initial_std: float) -> str:
    """Whether the value half of the temporal stage's projection was ever trained.

    Files trained with unprojected values, as the released ones, hold it as it was drawn, shrunk by weight decay; in
    others its bias has moved. This tells a file that suits `project_values` from one that does not.
    """
    halves = [
        (mixer.proj_kv.weight.chunk(2)[1], mixer.proj_kv.bias.chunk(2)[1])
        for mixer in model.modules()
        if isinstance(mixer, TrajectoryAttention) and mixer.config.temporal == "attention"
    ]
    if not halves:
        return "none: this attention projects no values along trajectories"
    spread = max(weight.std().item() for weight, _ in halves)
    moved = max(bias.abs().max().item() for _, bias in halves)
    figures = f"largest std {spread:.4f}, largest bias {moved:.1e}"
    untouched = moved < 1e-6 and spread <= 1.05 * initial_std
    projects = any(isinstance(mixer, TrajectoryAttention) and mixer.config.project_values for mixer in model.modules())
    field = "-o model.attention.project_values"
    if untouched and projects:
        return f"{WARNING}: never trained ({figures}), but this row projects values: {field}=False"
    if not untouched and not projects:
        return f"{WARNING}: trained ({figures}), but this row does not read them: {field}=True"
    return f"as expected: {'trained' if projects else 'never trained'} ({figures})"


def describe(record: dict[str, object]) -> str:
    """What an import says, for people."""
    lines = [f"{record['file']} (sha256 {str(record['sha256'])[:12]}): {record['matched']} keys matched"]
    for fate in ("reshaped", "missing", "unexpected"):
        names = record[fate]
        assert isinstance(names, list)
        if names:
            known = {"missing": " (known: left at their initial values)", "unexpected": " (known: nothing reads them)"}
            lines.append(f"{fate}{known.get(fate, '')}: {', '.join(map(str, names))}")
    lines.append(f"value projection: {record['values']}")
    settings = record["settings"]
    assert isinstance(settings, dict)
    stated = ", ".join(f"{name} {value}" for name, value in settings.items())
    lines.append(f"trained with, as the file says: {stated or 'nothing that this row knows'}")
    return "\n".join(lines)
