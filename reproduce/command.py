"""Command `reproduce VERB`: parses the arguments, executes the verb, and prints expected errors in one line.

Exit codes: 0 done; 1 a row failed, or a report is stale; 2 usage; 3 data or environment not usable; 130 Ctrl-C.
"""

import argparse
import contextlib
import importlib
import os
import platform
import re
import signal
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from experiments.spec.names import OWN_DATA, nearest
from reproduce.arguments import (
    add_any_tables,
    add_columns,
    add_eval_only,
    add_json,
    add_list,
    add_parallel,
    add_query,
    add_resources,
    add_row,
    add_runs,
    add_scale,
    add_speed,
    add_tables,
    named_path,
    png_file,
    port,
)
from reproduce.exit_codes import DONE, INTERRUPTED, UNUSABLE, USAGE
from runner.machine.messages import one_line

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def main(arguments: list[str] | None = None) -> int:
    """Execute one verb. Returns the exit code."""
    # torch 2.14 compiles Triton kernels for some products of a single clip, which fails without a compiler and Python's
    # headers (https://github.com/pytorch/pytorch/issues/196977). It reads the variable when it is imported.
    os.environ.setdefault("TORCH_DISABLE_NATIVE_JIT", "1")
    arguments_of_all = parser()
    if "_ARGCOMPLETE" in os.environ:  # the shell asks for completions
        from reproduce.completion import complete

        complete(arguments_of_all)
    options = arguments_of_all.parse_args(arguments)
    try:
        # Imported here so that verbs without a model do not import the models, which takes seconds.
        with ended_by_ctrl_c():
            verb = importlib.import_module(f"reproduce.verbs.{options.module}")
        return verb.execute(options)
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
    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class Parser(argparse.ArgumentParser):
    """Argument parser that prints errors in one line, and takes videos behind options as well as before them."""

    def parse_args(  # pyright: ignore[reportIncompatibleMethodOverride]  (no namespace is given)
        self, args: list[str] | None = None
    ) -> argparse.Namespace:
        """Parsed arguments. argparse itself takes all positional arguments at their first place only."""
        options, rest = self.parse_known_args(args)
        if rest and (not hasattr(options, "videos") or any(word.startswith("-") for word in rest)):
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        own = [override for override in getattr(options, "overrides", ()) if override.startswith(OWN_DATA)]
        if len(own) > 1:
            folders = ", ".join(override.removeprefix(OWN_DATA) for override in own)
            self.error(f"argument --own: there are two, {folders}; name one folder")
        if rest:
            try:
                options.videos += map(named_path, rest)
            except argparse.ArgumentTypeError as error:
                self.error(f"argument VIDEO: {error}")
        return options

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 after printing the message, the nearest verb and the help command."""
        match = re.search(r"argument VERB: invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if match:
            verbs = re.findall(r"[\w-]+", match[2])
            message = f"unknown verb '{match[1]}'; {nearest(match[1], verbs, ', '.join(verbs))}"
        self.exit(USAGE, f"{self.prog}: {one_line(message)} (help: {self.prog} --help)\n")


class Version(argparse.Action):
    """Option that prints the versions of this code, Python and PyTorch, and exits."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version  # here: it is slow to import

        from runner.store.provenance import commit

        own = tomllib.loads(PROJECT.read_text())["project"]["version"]
        torch = version("torch")
        print(f"{parser.prog} {own}, commit {commit()}, Python {platform.python_version()}, torch {torch}")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """Parser of the arguments of all verbs."""
    root = Parser(
        prog="reproduce",
        description="Reproduce the tables of video-transformer papers by name.",
        epilog="Tables are named paper/table, rows paper/table:row; globs work. Start with: reproduce list",
    )
    root.add_argument("--version", action=Version, nargs=0, help="show the version and the commit")
    verbs = root.add_subparsers(title="verbs", dest="verb_name", metavar="VERB", required=True)

    def verb(name: str, module: str, summary: str, *parts: object) -> argparse.ArgumentParser:
        """Parser of a verb, executed by `execute` of the module. `parts` are functions that add arguments."""
        new = verbs.add_parser(name, help=summary, description=summary)
        new.set_defaults(module=module)
        new.add_argument("--debug", action="store_true", help="show the traceback of an error")
        for part in parts:
            part(new)  # type: ignore[operator]
        return new

    listed = verb("list", "list_tables", "Every table and figure by name, its progress and cost.", add_runs, add_json)
    listed.add_argument("tables", nargs="*", default=["*"], metavar="TABLE", help="a paper, a table, or a glob")
    listed.add_argument("--scale", default="tiny", help="whose progress and cost (default: %(default)s)")
    listed.add_argument(
        "--weights", action="store_true", help="the files that their authors released, and where they are"
    )
    verb("show", "show", "A table as printed, with the changes of each row.", add_tables, add_scale, add_json)
    parts = (add_tables, add_columns, add_scale, add_runs, add_resources, add_eval_only)
    verb("plan", "plan", "The distinct runs of a table, and their cost.", *parts, add_json, add_speed)
    verb("run", "run", "Train and test every row that has no result yet.", *parts, add_parallel)
    checked = verb("doctor", "doctor", "Check the machine, the data sets and the weights.", *parts[1:], add_json)
    checked.add_argument("tables", nargs="*", metavar="TABLE", help="check what these need (default: data sets found)")
    checked.add_argument("--deep", action="store_true", help="decode all videos, not only some; again: goes on")
    status_parts = (add_columns, add_scale, add_runs, add_json)
    states = verb("status", "status", "The state of each run.", add_any_tables, *status_parts)
    states.set_defaults(eval_only=False)
    made = verb("report", "report", "The table with measured values.", add_tables, add_scale, add_runs, add_json)
    made.add_argument("--format", choices=("md", "csv", "json", "latex"), default="md")
    made.add_argument(
        "--publish", action="store_true", help="also write the reports and their results to reports/, to be committed"
    )
    made.add_argument(
        "--plot", action="store_true", help="also draw accuracies against GFLOPs, or bars, beside the saved reports"
    )
    made.add_argument(
        "--check", action="store_true", help="exit 1 when a committed report is not that of the committed results"
    )
    made.add_argument("--picture", type=png_file, metavar="FILE", help="save the figure as PNG")
    summary = "What the papers conclude from their tables, and whether the numbers support it."
    judged = verb("claims", "claims", summary, add_scale, add_runs, add_json)
    judged.add_argument(
        "tables",
        nargs="*",
        default=["*"],
        metavar="TABLE",
        help="paper/table, paper/table:row, or a glob (default: all)",
    )
    board = verb("tensorboard", "tensorboard", "Open a table's runs in TensorBoard.", add_tables, add_scale, add_runs)
    board.add_argument("--port", type=port, default=6006)
    board.add_argument("--no-serve", action="store_true", help="only create the log directory and print its path")
    imported = verb(
        "import-weights",
        "import_weights",
        "Import released weights, for run --eval-only.",
        add_scale,
        add_runs,
        add_json,
    )
    imported.add_argument("file", type=named_path, help="a released checkpoint")
    imported.add_argument(
        "--as", required=True, dest="table", metavar="TABLE:ROW", help="row whose weights the file contains"
    )
    imported.add_argument("--column", help="column of the run (default: that of the released file, or the first)")
    imported.set_defaults(scale="paper")
    summary = "Measure a table's memory and speed on this machine, at the paper's size."
    measured = verb("measure", "measure", summary, add_tables, add_runs)
    measured.add_argument("--batch", type=int, help="batch size (default: that of the paper, or the largest that fits)")
    measured.add_argument(
        "--rounds", type=int, help="rounds of a speed that all rows take in turns (default: 20 on a GPU, 5 on a CPU)"
    )
    parts = (add_row, add_scale, add_runs, add_resources)
    drawn = verb("attention", "attention", "Draw the attention of a point of a test video.", *parts, add_query)
    add_list(drawn)
    drawn.add_argument("--out", type=png_file, required=True, metavar="FILE", help="PNG file to write")
    scored = verb("evaluate", "evaluate", "Predict or score videos with a row's model.", *parts, add_json)
    scored.add_argument(
        "videos", nargs="*", type=named_path, metavar="VIDEO", help="videos, or folders of them, without labels"
    )
    add_list(scored)
    scored.add_argument("--classes", type=named_path, metavar="FILE", help="names of the classes, one a line")
    weights = scored.add_mutually_exclusive_group()
    weights.add_argument("--weights", type=named_path, help="a released checkpoint or a .safetensors file")
    weights.add_argument("--untrained", action="store_true", help="use random weights, to test the command")
    scored.set_defaults(scale="paper")
    return root
