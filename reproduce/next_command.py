"""The command that usually follows a verb, with the options that it takes over. It is printed after the output."""

import shlex
import sys
from collections.abc import Iterable
from dataclasses import Field, fields

from reproduce.option_types import all_override_words
from reproduce.options import VERBS, Options, flags_of


def next_command(verb: str, options: Options, tables: Iterable[str] | None = None, flags: Iterable[str] = ()) -> str:
    """Command line of a verb with the options of the one before it, its tables unless others are named, and flags."""
    line = ["reproduce", *verb.split(), *(getattr(options, "tables", ()) if tables is None else tables)]
    given = {one.name for one in fields(options) if first_flag(one).startswith("-") and one.name != "debug"}
    for one in fields(VERBS[verb]):
        if one.name in given and (value := getattr(options, one.name)) != one.default:
            line += option_words(one, value)
    return shlex.join([*line, *flags])


def first_flag(one: Field[object]) -> str:
    return flags_of(one, one.metadata["arguments"][0])[0]


def option_words(one: Field[object], value: object) -> list[str]:
    flag, text = first_flag(one), str(value)
    match value:
        case True:
            return [flag]
        case tuple() if one.name == "overrides":
            return all_override_words(value)
        case tuple() if one.name == "variants":
            return [word for text in value for word in (flag, text)]
        case tuple() if one.name == "data":
            return [word for name, root in value for word in (flag, f"{name}={root}")]
        case tuple():
            text = ",".join(map(str, value))
    return [flag, text]


def say_next(verb: str, options: Options, tables: Iterable[str] | None = None, flags: Iterable[str] = ()) -> None:
    """Print the next command on stderr, so that the output of the verb remains as it is. JSON is for programs."""
    if not getattr(options, "json", False):
        sys.stdout.flush()
        print(f"next: {next_command(verb, options, tables, flags)}", file=sys.stderr)
