"""Arguments that several verbs share."""

import argparse
from pathlib import Path


def add_tables(parser: argparse.ArgumentParser) -> None:
    """Add the names of tables."""
    parser.add_argument("tables", nargs="+", metavar="TABLE", help="paper/table, paper/table:row, or a glob")


def add_row(parser: argparse.ArgumentParser) -> None:
    """Add the name of one row, and of a column."""
    parser.add_argument("table", metavar="TABLE:ROW")
    parser.add_argument("--column", help="column whose run is meant (default: the first that is tested)")


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Add a choice of columns."""
    parser.add_argument(
        "--column", dest="columns", metavar="KEY[,KEY]", help="only the runs under these columns, and their parents"
    )


def add_scale(parser: argparse.ArgumentParser) -> None:
    """Add the scale, the seeds, and overrides of the runs."""
    parser.add_argument("--scale", default="tiny", help="tiny (minutes on a laptop) or paper (default: %(default)s)")
    parser.add_argument("--seeds", metavar="0,1,2", help="seeds of the runs (default: 0)")
    parser.add_argument(
        "-o", "--override", action="append", default=[], dest="overrides", metavar="PATH=VALUE",
        help="change a field of every run, e.g. -o optim.epochs=3",
    )  # fmt: skip


def add_runs(parser: argparse.ArgumentParser) -> None:
    """Add the place of runs."""
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default: ./runs)")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add JSON output."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_eval_only(parser: argparse.ArgumentParser) -> None:
    """Add tests without training."""
    parser.add_argument("--eval-only", action="store_true", help="test weights that are there; train nothing")


def add_parallel(parser: argparse.ArgumentParser) -> None:
    """Add the number of runs side by side."""
    parser.add_argument("--jobs", type=int, help="runs side by side (default: 1 with GPUs, one a core for tiny)")


def add_query(parser: argparse.ArgumentParser) -> None:
    """Add a point of a test video, a block and a head; all are counted from 0."""
    parser.add_argument(
        "--video", metavar="ID", help="a test video, by its id, or by its place as @12 (default: the drawn one, or @0)"
    )
    parser.add_argument(
        "--query", metavar="X,Y", help="the point, as shares of width and height (default: the drawn one, or 0.5,0.5)"
    )
    parser.add_argument("--frame", type=int, help="token frame that holds the point (default: 0)")
    parser.add_argument("--block", type=int, help="block of the model (default: the model's choice)")
    parser.add_argument("--head", type=int, help="head of the block (default: the mean of all)")
