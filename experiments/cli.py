"""The command line: `reproduce VERB`. It parses, calls the verb, and turns expected errors into one line.

Exit codes: 0 done; 1 a row failed, or a report is stale; 2 usage; 3 data or environment not usable; 130 Ctrl-C.
"""

import argparse
import difflib
import os
import re
import sys
from pathlib import Path
from typing import NoReturn

from experiments.options import add_query, add_resources, without_jit
from experiments.verbs import (
    DONE,
    UNUSABLE,
    attention,
    evaluate,
    import_weights,
    list_tables,
    measure,
    plan,
    report,
    run,
    show,
    status,
    tensorboard,
)

USAGE, INTERRUPTED = 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    without_jit()
    options = parser().parse_args(arguments)
    try:
        return options.verb(options)
    except KeyboardInterrupt as interrupt:
        return 128 + interrupt.args[0] if interrupt.args else INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (ValueError, OSError) as error:
        if options.debug:
            raise
        print(f"reproduce: {' '.join(str(error).split())}", file=sys.stderr)
        # Wrong words are ValueErrors of ours; data, disks and environments raise OSErrors or DataErrors.
        return USAGE if type(error) is ValueError else UNUSABLE


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit 2 with the message, the nearest verb and where help is."""
        match = re.search(r"argument VERB: invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if match:
            verbs = re.findall(r"[\w-]+", match[2])
            near = difflib.get_close_matches(match[1], verbs, n=1)
            message = f"unknown verb '{match[1]}'; " + (f"did you mean '{near[0]}'?" if near else ", ".join(verbs))
        self.exit(USAGE, f"{self.prog}: {message} (help: {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """The grammar of all verbs."""
    whole = Parser(
        prog="reproduce",
        description="Reproduce the tables of five video-transformer papers by name.",
        epilog="Tables are named paper/table, rows paper/table:row; globs work. Start with: reproduce list",
    )
    verbs = whole.add_subparsers(title="verbs", dest="verb_name", metavar="VERB", required=True)

    def verb(name: str, function: object, summary: str, *parts: object) -> argparse.ArgumentParser:
        one = verbs.add_parser(name, help=summary, description=summary)
        one.set_defaults(verb=function)
        one.add_argument("--debug", action="store_true", help="show the traceback of an error")
        for part in parts:
            part(one)  # type: ignore[operator]
        return one

    verb("list", list_tables, "Every table and figure by name.", _json).add_argument("tables", nargs="*", default=["*"])
    verb("show", show, "A table as printed, with what each row changes.", _tables, _scale, _json)
    parts = (_tables, _columns, _scale, _runs, add_resources, _eval_only)
    verb("plan", plan, "The distinct runs of a table, and their cost.", *parts, _json)
    verb("run", run, "Train and test every row that has no result yet.", *parts, _parallel)
    states = verb("status", status, "What became of each run.", _tables, _columns, _scale, _runs, _json)
    states.set_defaults(eval_only=False)
    report_parser = verb("report", report, "The table with measured values.", _tables, _scale, _runs, _json)
    report_parser.add_argument("--format", choices=("md", "csv", "json", "latex"), default="md")
    report_parser.add_argument("--check", action="store_true", help="exit 1 when a committed report is stale")
    report_parser.add_argument("--picture", type=Path, metavar="FILE", help="write a figure's picture there as PNG")
    board = verb("tensorboard", tensorboard, "Open a table's runs in TensorBoard.", _tables, _scale, _runs)
    board.add_argument("--port", type=int, default=6006)
    board.add_argument("--no-serve", action="store_true", help="only build the log directory and print where it is")
    take = verb(
        "import-weights", import_weights, "Take released weights in, for run --eval-only.", _scale, _runs, _json
    )
    take.add_argument("file", type=Path, help="a released .pyth file")
    take.add_argument("--as", required=True, dest="table", metavar="TABLE:ROW", help="the row whose model it holds")
    take.add_argument("--column", help="column whose run is meant (default: as the file's name says, or the first)")
    take.set_defaults(scale="paper")
    measured = verb("measure", measure, "Peak CUDA memory of a table's rows, at the paper's size.", _tables, _runs)
    measured.add_argument(
        "--batch", type=int, help="clips of a step (default: as come nearest to exact attention's printed peak)"
    )
    look = verb(
        "attention", attention, "Draw what a point of a test video attends to.", _scale, _runs, add_resources, add_query
    )
    look.add_argument("table", metavar="TABLE:ROW")
    look.add_argument("--column", help="column whose run is meant (default: the first that is trained)")
    look.add_argument("--out", type=Path, required=True, metavar="FILE", help="the picture, as PNG")
    one = verb("evaluate", evaluate, "Score a list of videos with a row's model.", _scale, _runs, add_resources, _json)
    one.add_argument("table", metavar="TABLE:ROW")
    one.add_argument("--list", required=True, type=Path, help="file of `path label` lines", dest="video_list")
    one.add_argument("--column", help="column whose run is meant (default: the first that is trained)")
    weights = one.add_mutually_exclusive_group()
    weights.add_argument("--weights", type=Path, help="a released .pyth or a .safetensors file")
    weights.add_argument("--untrained", action="store_true", help="random weights, to try the path only")
    one.set_defaults(scale="paper")
    return whole


def _tables(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tables", nargs="+", metavar="TABLE", help="paper/table, paper/table:row, or a glob")


def _columns(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--column", dest="columns", metavar="KEY[,KEY]", help="only what these columns show, and what that starts from"
    )


def _scale(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scale", default="tiny", help="tiny (minutes on a laptop) or paper (default: %(default)s)")
    parser.add_argument("--seeds", metavar="0,1,2", help="seeds of the runs (default: 0)")
    parser.add_argument(
        "-o", "--override", action="append", default=[], dest="overrides", metavar="PATH=VALUE",
        help="change a field of every run, e.g. -o optim.epochs=3",
    )  # fmt: skip


def _runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default: ./runs)")


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _eval_only(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--eval-only", action="store_true", help="test weights that are there; train nothing")


def _parallel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=int, help="runs side by side (default: 1 with GPUs, one a core for tiny)")
