"""The command that usually follows a verb, printed after its output."""

import argparse
import shlex
import sys
from collections.abc import Iterable

from experiments.spec.names import FINE_TUNE, OWN_DATA
from reproduce.arguments import DEFAULT_RUNS

TABLES = ("scale", "seeds", "overrides", "runs")
RESOURCES = ("data", "devices", "nodes", "micro_batch", "recompute", "workers", "threads", "allow_bad")
RUNS = (*TABLES, "columns", *RESOURCES, "eval_only")
# Options that a verb takes over from the verb before it, by their names in the parsed arguments.
TAKEN = {
    "show": ("scale", "seeds", "overrides"),
    "plan": RUNS,
    "doctor": RUNS,
    "run": RUNS,
    "status": (*TABLES, "columns"),
    "report": TABLES,
    "claims": TABLES,
    "tensorboard": TABLES,
}
DEFAULTS = {"scale": "tiny", "runs": DEFAULT_RUNS, "nodes": 1}
FLAGS = {"columns": "--column"}


def next_command(
    verb: str, options: argparse.Namespace, tables: Iterable[str] | None = None, flags: Iterable[str] = ()
) -> str:
    """Command line of a verb for the tables and the options of the verb before it.

    Args:
        tables: names of tables; by default those of the options.
        flags: further flags of the verb.
    """
    words = ["reproduce", verb, *(options.tables if tables is None else tables)]
    for name in TAKEN[verb]:
        value = getattr(options, name, None)
        if value is None or value is False or value in ([], DEFAULTS.get(name)):  # 0 is a number
            continue
        flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
        for one in value if isinstance(value, list) else [value]:
            words += override_words(one) if name == "overrides" else [flag] if one is True else [flag, str(one)]
    return shlex.join([*words, *flags])


def override_words(override: str) -> list[str]:
    """Option of an override."""
    if override == FINE_TUNE:
        return ["--fine-tune"]
    if override.startswith(OWN_DATA):
        return ["--own", override.removeprefix(OWN_DATA)]
    return ["-o", override]


def say_next(
    verb: str, options: argparse.Namespace, tables: Iterable[str] | None = None, flags: Iterable[str] = ()
) -> None:
    """Print the next command on stderr, so that the output of the verb remains as it is. JSON is for programs."""
    if getattr(options, "json", False):
        return
    sys.stdout.flush()
    print(f"next: {next_command(verb, options, tables, flags)}", file=sys.stderr)
