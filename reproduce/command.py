"""Command `reproduce VERB`: parses the arguments, executes the verb, and prints expected errors in one line.

Exit codes: 0 done; 1 a row failed, a report is stale, or videos to prepare are unreadable; 2 usage; 3 data or
environment not usable; 130 Ctrl-C.
"""

import argparse
import atexit
import contextlib
import gc
import importlib
import os
import platform
import re
import signal
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import Field, fields
from pathlib import Path
from typing import NoReturn

from experiments.spec.names import nearest
from reproduce.option_types import path
from reproduce.options import DONE, INTERRUPTED, UNUSABLE, USAGE, VERBS, Argument, Options, flags_of
from reproduce.runs_options import GROUPS
from runner.machine.messages import one_line

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
# What the parser is told of a field by its type.
OF_TYPE: dict[object, dict[str, object]] = {bool: {"action": "store_true"}}
OF_TYPE |= {kind: {"type": of} for of in (int, float) for kind in (of, of | None)}
OF_TYPE |= {kind: {"type": path} for kind in (Path, Path | None)}


def command() -> NoReturn:
    """Entry point: ends the process without freeing object after object, a fifth of the time of a short command."""
    code = main()
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
    with contextlib.suppress(OSError):
        sys.stdout.flush()  # what was printed before an error or Ctrl-C
    os._exit(code)


def main(arguments: list[str] | None = None) -> int:
    # torch 2.14 compiles Triton kernels for some products of a single clip, which fails without a compiler and Python's
    # headers (https://github.com/pytorch/pytorch/issues/196977). It reads the variable when it is imported.
    os.environ.setdefault("TORCH_DISABLE_NATIVE_JIT", "1")
    if "_ARGCOMPLETE" in os.environ:  # the shell asks for completions
        from reproduce.completion import complete

        complete(parser())
    options = parsed(arguments)
    try:
        gc.disable()  # what is imported stays until the process ends: a search for garbage in it finds nothing
        # Imported here so that verbs without a model do not import the models, which takes seconds.
        with ended_by_ctrl_c():
            verb = importlib.import_module(f"reproduce.verbs.{options.module or options.verb.partition(' ')[0]}")
        if arguments is None:  # the process ends with the verb
            gc.freeze()
        gc.enable()
        code = verb.execute(options)
        sys.stdout.flush()  # here, where a full disk or a closed pipe is told
        return code
    except KeyboardInterrupt as interrupt:
        return 128 + interrupt.args[0] if interrupt.args else INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (ValueError, OSError) as error:
        if options.debug:
            raise
        print(f"reproduce: {one_line(error)}", file=sys.stderr)
        # Usage errors are plain ValueErrors; errors of data, disks and environments are OSErrors or DataErrors.
        return USAGE if type(error) is ValueError else UNUSABLE


@contextlib.contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end the process at once. Modules under import may swallow the exception that it raises otherwise."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class Parser(argparse.ArgumentParser):
    """Argument parser that prints errors in one line."""

    def error(self, message: str) -> NoReturn:
        if match := re.search(r"argument VERB: invalid choice: '(.*?)' \(choose from ", message):
            message = f"unknown verb '{match[1]}'; {nearest(match[1], VERBS, ', '.join(VERBS))}"
        self.exit(USAGE, f"{self.prog}: {one_line(message)} (help: {self.prog} --help)\n")


class Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version  # here: it is slow to import

        from runner.store.provenance import commit

        own = tomllib.loads(PROJECT.read_text())["project"]["version"]
        torch = version("torch")
        print(f"{parser.prog} {own}, commit {commit()}, Python {platform.python_version()}, torch {torch}")
        parser.exit()


def parsed(arguments: list[str] | None) -> Options:
    """Options of a verb. Arguments that are not possible end the process with code 2."""
    of_all = parser()
    found, rest = of_all.parse_known_args(arguments)
    try:
        # Videos may stand behind options as well as before them. argparse takes them at their first place only.
        if rest and ("videos" not in vars(found) or any(word.startswith("-") for word in rest)):
            raise ValueError(f"unrecognized arguments: {' '.join(rest)}")
        if rest:
            found.videos += map(path, rest)
        kind = VERBS[found.verb]
        given = vars(found)
        lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
        return kind(**{one.name: {**given, **lists}[one.name] for one in fields(kind)})
    except (ValueError, argparse.ArgumentTypeError) as error:
        of_all.error(str(error))


def parser() -> Parser:
    root = Parser(
        prog="reproduce",
        description="Reproduce the tables of video-transformer papers by name.",
        epilog="Tables are named paper/table, rows paper/table:row; globs work. Start with: reproduce list",
    )
    root.add_argument(
        "--version", action=Version, nargs=0, default=argparse.SUPPRESS, help="show the version and the commit"
    )
    verbs = root.add_subparsers(title="verbs", dest="verb", metavar="VERB", required=True)
    parents = {"": verbs}
    for name, kind in VERBS.items():
        of_verbs, _, last = name.rpartition(" ")
        if of_verbs not in parents:
            parent = verbs.add_parser(of_verbs, help=GROUPS[of_verbs], description=GROUPS[of_verbs])
            parents[of_verbs] = parent.add_subparsers(title="verbs", dest="verb", metavar="VERB", required=True)
        verb = parents[of_verbs].add_parser(last, help=kind.__doc__, description=kind.__doc__)
        verb.set_defaults(verb=name)
        groups: dict[str, argparse._ActionsContainer] = {"": verb}
        for one in fields(kind):
            title = group_of(kind, one.name)
            if title not in groups:
                groups[title] = verb.add_argument_group(title)
            for argument in one.metadata["arguments"]:
                add_argument(groups[title], one, argument)
    return root


def group_of(kind: type[Options], field: str) -> str:
    """Heading of a field in the help: that of the class that declares it first."""
    return next(vars(owner).get("group", "") for owner in kind.__mro__ if field in owner.__annotations__)


def add_argument(verb: argparse._ActionsContainer, one: "Field[object]", argument: Argument) -> None:
    _, details = argument
    names = flags_of(one, argument)
    place = {"dest": one.name} if names[0].startswith("-") else {}
    of_type = {} if "action" in details or "type" in details else OF_TYPE.get(one.type, {})
    default = list(one.default) if isinstance(one.default, tuple) else one.default
    verb.add_argument(*names, **{**place, **of_type, "default": default, **details})  # type: ignore[arg-type]
