"""Config files of authors: their settings by name, and the fields of ours that say the same."""

import ast
import math
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import yaml

from experiments.spec.edits import overridden, value_of
from experiments.spec.paper_folders import members
from experiments.spec.run import RunConfig
from lightning_modules.optim import CosineSchedule, StepSchedule

EXPECTED = "name a YAML file of settings (.yaml) or a script with `--name value` arguments"
ABSENT = "no such part"  # in place of the value of a field that a run lacks


class Setting(NamedTuple):
    """What one setting of the authors, or several, say of a field of ours."""

    names: str
    """Names of the settings, with spaces between them. A file that leaves one out says nothing of the field."""
    path: str
    """Dotted path of our field."""
    theirs: Callable[..., object] = lambda value: value
    """Value of the field for those of the settings."""
    ours: Callable[[object], object] | None = None
    """What is compared of our field, if that is not its value: then no `-o` sets it."""

    def given(self, found: Mapping[str, object]) -> dict[str, object]:
        """Values of the settings in a file; empty if it leaves one out."""
        names = self.names.split()
        return {name: found[name] for name in names} if {*names} <= found.keys() else {}


class AuthorsConfig(NamedTuple):
    """Settings of the config files of a paper's authors."""

    settings: tuple[Setting, ...]
    ignored: str
    """Patterns of names, with spaces between them: of the machine, or without effect in the authors' code."""
    fixed: Mapping[str, object]
    """Settings without a field, and the value that our code has: only another one is named."""


class Difference(NamedTuple):
    """Field in which two runs, or a run and a config of its authors, differ."""

    path: str
    first: object
    second: object
    overridable: bool = True
    """Whether `-o path=value` makes the first like the second."""


def authors_config(paper: str) -> AuthorsConfig:
    if (found := members(paper, "authors_config").get("AUTHORS")) is None:
        raise ValueError(f"no config files of the authors of '{paper}' are known; compare two runs")
    return found


def read_settings(file: Path) -> dict[str, object]:
    """Settings of a YAML file, nested names joined by dots, or the `--name value` arguments of a shell script."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{file} is no text: {EXPECTED}") from None
    if file.suffix in (".yaml", ".yml"):
        try:
            content = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"{file}: {error}") from None
        if isinstance(content, dict):
            return dict(_flat(content))
    elif found := _arguments(text):
        return found
    raise ValueError(f"{file}: {EXPECTED}")


def _flat(content: Mapping[str, object], before: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for name, value in content.items():
        path = f"{before}{name}"
        found += _flat(value, f"{path}.") if isinstance(value, dict) else [(path, _literal(value))]
    return found


def _arguments(text: str) -> dict[str, object]:
    """Values by the names of arguments; a tuple for several, True for none."""
    words = shlex.split(re.sub(r"\\\s*\n", " ", text), comments=True)
    found: dict[str, list[object]] = {}
    values: list[object] = []
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            values = found[name] = [_literal(value)] if equals else []
        else:
            values.append(_literal(word))
    return {name: of[0] if len(of) == 1 else tuple(of) or True for name, of in found.items()}


def _literal(value: object) -> object:
    """Number of a text such as 1e-4, which YAML leaves as text; tuples for lists."""
    if isinstance(value, list):
        return tuple(map(_literal, value))
    try:
        return ast.literal_eval(value) if isinstance(value, str) else value
    except (SyntaxError, ValueError):
        return value


def differences(run: RunConfig, config: AuthorsConfig, found: Mapping[str, object]) -> list[Difference]:
    """Fields of a run for which the settings of a file say something else."""
    differing, given = [], [(setting, values) for setting in config.settings if (values := setting.given(found))]
    if not given:
        raise ValueError(
            f"the file has none of the settings of the paper's authors, such as {config.settings[0].names.split()[0]}"
        )
    for setting, values in given:
        field = value_of(setting.path, run, ABSENT)
        try:
            theirs = setting.theirs(*values.values())
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            text = ", ".join(f"{name}={value}" for name, value in values.items())
            raise ValueError(f"{text}: no such value is known of the paper's authors ({error})") from None
        ours = field if setting.ours is None or field is ABSENT else setting.ours(field)
        if not is_same(ours, theirs) and all(one[:3] != (setting.path, ours, theirs) for one in differing):
            overridable = setting.ours is None and field is not ABSENT and can_be_set(run, setting.path, theirs)
            differing.append(Difference(setting.path, ours, theirs, overridable))
    return differing


def not_compared(config: AuthorsConfig, found: Mapping[str, object]) -> dict[str, object]:
    """Settings of a file that have no field of ours, nor the value of our code, or lack another setting beside them."""
    known = {name for setting in config.settings for name in setting.given(found)}
    lacking = {setting.names.split()[0] for setting in config.settings if not setting.given(found)}
    patterns = config.ignored.split()
    return {
        name: value
        for name, value in found.items()
        if name in lacking
        or not (
            name in known
            or any(fnmatchcase(name, one) for one in patterns)
            or (name in config.fixed and is_same(value, config.fixed[name]))
        )
    }


def can_be_set(run: RunConfig, path: str, value: object) -> bool:
    """Whether an option sets a field to a value."""
    try:
        overridden(run, f"{path}={value}")
    except ValueError:
        return path == "seed"  # --seeds does
    return True


def of_channels(values: Sequence[object]) -> object:
    """Mean or standard deviation of three channels that all have the same, as ours; else all three."""
    return values[0] if len(set(values)) == 1 else values


def family(name: object) -> str:
    """Data set of a name of the authors or of ours, of any version."""
    return next((one for one in ("epic", "kinetics", "ssv2") if str(name).lower().startswith(one)), str(name))


def policy(schedule: object) -> str | None:
    """Name in SlowFast's files of a schedule."""
    return {StepSchedule: "steps_with_relative_lrs", CosineSchedule: "cosine"}.get(type(schedule))


def is_same(first: object, second: object) -> bool:
    """Whether values are equal, numbers within rounding."""
    if isinstance(first, tuple) and isinstance(second, tuple):
        return len(first) == len(second) and all(map(is_same, first, second))
    if isinstance(first, int | float) and isinstance(second, int | float):
        return math.isclose(first, second)
    return first == second


# Settings of the YAML files of SlowFast, from which the code of several papers descends.
SLOWFAST_SETTINGS = (
    Setting("TRAIN.BATCH_SIZE NUM_SHARDS", "optim.batch_size", lambda of_node, nodes: of_node * nodes),
    Setting("TRAIN.DATASET", "data.dataset.name", family, family),
    Setting("DATA.NUM_FRAMES", "data.frames"),
    # Something-Something is sampled in segments, without a stride.
    Setting(
        "DATA.SAMPLING_RATE TRAIN.DATASET",
        "data.sampling.stride",
        lambda n, name: ABSENT if family(name) == "ssv2" else n,
    ),
    Setting("DATA.TRAIN_CROP_SIZE", "data.crop"),
    Setting("DATA.TEST_CROP_SIZE", "data.crop", int, lambda crop: crop),  # ours is that of the training
    Setting("DATA.MEAN", "data.mean", of_channels),
    Setting("DATA.STD", "data.std", of_channels),
    Setting("DATA.RANDOM_FLIP", "data.augmentation.flip", lambda flips: 0.5 if flips else 0.0),
    Setting("SOLVER.LR_POLICY", "optim.schedule", str, policy),
    Setting("SOLVER.BASE_LR", "optim.lr"),
    Setting("SOLVER.MAX_EPOCH", "optim.epochs"),
    Setting("SOLVER.WEIGHT_DECAY", "optim.weight_decay"),
    Setting("SOLVER.OPTIMIZING_METHOD", "optim.optimizer", str, lambda optimizer: type(optimizer).__name__.lower()),
    Setting("TEST.NUM_ENSEMBLE_VIEWS", "evaluation.views"),
    Setting("TEST.NUM_SPATIAL_CROPS", "evaluation.crops"),
    Setting("RNG_SEED", "seed"),
)
SLOWFAST_IGNORED = (
    "TRAIN.ENABLE TRAIN.EVAL_PERIOD TRAIN.CHECKPOINT_* TRAIN.AUTO_RESUME TEST.ENABLE TEST.DATASET "
    "TEST.BATCH_SIZE DATA.PATH* DATA_LOADER.* NUM_GPUS OUTPUT_DIR LOG_* DATA.INPUT_CHANNEL_NUM "
    "MODEL.ARCH MODEL.MODEL_NAME"
)
