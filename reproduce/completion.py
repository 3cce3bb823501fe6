"""Shell completion of tables, rows, columns, scales, data sets and fields of configs, from the index of the tables.

Names of runs are completed, too. The shell runs the command at each TAB, so nothing here imports PyTorch. Enabled by
`register-python-argcomplete`.
"""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import argcomplete

from experiments.spec.catalog import Entry, captions, names_listed, read_index
from reproduce.options import SCALES
from runner.store.starts import named_overrides


def complete(parser: argparse.ArgumentParser) -> None:
    add_completers(parser)
    argcomplete.autocomplete(parser)


def add_completers(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        for verb in action.choices.values() if isinstance(action.choices, dict) else ():
            add_completers(verb)
        if (completer := COMPLETERS.get(action.dest)) is not None:
            action.completer = completer  # type: ignore[attr-defined]


def tables(prefix: str, **_: object) -> list[str]:
    """Names of tables or, after a colon, of the rows of a table. Without a paper in the prefix, names have none."""
    table, colon, _row = prefix.partition(":")
    if colon:
        return [f"{table}:{row}" for entry in entries_of(table) for row in entry["rows"]]
    unique = [name.partition("/")[2] for name in captions()]
    short = [word for word in unique if unique.count(word) == 1 and prefix and word.startswith(prefix)]
    return [*captions(), *short]


def columns(prefix: str, parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """Columns with runs of the tables that the command names; after a comma, further ones."""
    entries = entries_named(parsed_args)
    first, comma, _last = prefix.rpartition(",")
    return list(dict.fromkeys(f"{first}{comma}{column}" for entry in entries for column in entry["columns"]))


def entries_named(parsed_args: argparse.Namespace) -> list[Entry]:
    named = [getattr(parsed_args, "table", None), *(getattr(parsed_args, "tables", None) or [])]
    return [entry for name in named if isinstance(name, str) for entry in entries_of(name.partition(":")[0])]


def entries_of(pattern: str) -> list[Entry]:
    """Entries of the tables that match a pattern; none for an unknown one."""
    try:
        known = read_index()["tables"]
        return [known[name] for name in names_listed(pattern) if name in known]
    except ValueError:
        return []


def data(prefix: str, **_: object) -> list[str]:
    """Names of data sets, each before `=`; after it, nothing, so that the shell completes files."""
    names = dict.fromkeys(name for entry in read_index()["tables"].values() for name in entry["data"])
    return [] if "=" in prefix else [f"{name}=" for name in names]


def overrides(prefix: str, parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """Fields that -o can change, each before `=`: those of the tables that the command names, or of all."""
    if "=" in prefix:
        return []
    known, entries = read_index()["configs"], entries_named(parsed_args) or read_index()["tables"].values()
    used = {kind for entry in entries for kind in entry["configs"]}

    def below(path: str, kinds: Iterable[str]) -> Iterator[str]:
        for kind in used.intersection(kinds):
            for name, inner in known[kind].items():
                yield from below(f"{path}{name}.", inner) if inner else (f"{path}{name}=",)

    found = below("", ["RunConfig"])
    return sorted({path for path in found if path not in ("seed=", "parents=")})


def names(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """Names that the user gave the overrides of runs."""
    return [*named_overrides(Path(parsed_args.runs))]


# By the name of the option.
COMPLETERS = {
    "tables": tables, "table": tables, "columns": columns, "column": columns, "scale": lambda **_: SCALES,
    "data": data, "overrides": overrides, "name": names, "variants": names,
}  # fmt: skip
