"""Arguments shared by several verbs."""

import argparse
from pathlib import Path

from experiments.spec.names import FINE_TUNE, own_data

DEFAULT_RUNS = Path("runs")


def add_tables(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tables", nargs="+", metavar="TABLE", help="paper/table, paper/table:row, or a glob")


def add_any_tables(parser: argparse.ArgumentParser) -> None:
    """Add names of tables, which may be left out."""
    names = "paper/table, paper/table:row, or a glob (default: the unchanged runs of seed 0 started here)"
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=names)


def add_row(parser: argparse.ArgumentParser) -> None:
    """Add the name of one row and of one column."""
    parser.add_argument("table", metavar="TABLE:ROW")
    parser.add_argument("--column", help="column of the run (default: the first tested column)")


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Add a selection of columns."""
    parser.add_argument(
        "--column", dest="columns", metavar="KEY[,KEY]", help="only the runs under these columns, and their parents"
    )


def add_scale(parser: argparse.ArgumentParser) -> None:
    """Add scale, seeds and overrides of the runs."""
    parser.add_argument("--scale", default="tiny", help="tiny (minutes on a laptop) or paper (default: %(default)s)")
    parser.add_argument("--seeds", metavar="0,1,2", help="seeds of the runs (default: 0)")
    parser.add_argument(
        "-o", "--override", action="append", default=[], dest="overrides", metavar="PATH=VALUE",
        help="change a field of every run, e.g. -o optim.epochs=3",
    )  # fmt: skip
    add_own(parser)


def add_own(parser: argparse.ArgumentParser) -> None:
    """Add data of the user's own, and a start from the row's weights. Both are overrides."""
    parser.add_argument(
        "--own", action="append", dest="overrides", type=own_override, metavar="FOLDER",
        help="your videos in place of the data set: CLASS/VIDEO files, train/ and val/ of these, or two lists",
    )  # fmt: skip
    parser.add_argument(
        "--fine-tune", action="append_const", dest="overrides", const=FINE_TUNE,
        help="start from the row's own weights, trained or imported, not from its initial weights",
    )  # fmt: skip


def own_override(text: str) -> str:
    """Override for a folder of videos.

    Raises:
        argparse.ArgumentTypeError: for an empty name.
    """
    try:
        return own_data(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def named_path(text: str) -> Path:
    """Path of an argument.

    Raises:
        argparse.ArgumentTypeError: for an empty one, which Path takes for the working directory.
    """
    if not text:
        raise argparse.ArgumentTypeError("names no file; '.' is the working directory")
    return Path(text)


def png_file(text: str) -> Path:
    """Path of a picture to write.

    Raises:
        argparse.ArgumentTypeError: for another ending, or a folder that does not exist.
    """
    path = named_path(text)
    if path.suffix.lower() != ".png":
        raise argparse.ArgumentTypeError(f"'{text}' does not end in .png")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    return path


def port(text: str) -> int:
    """Number of a port.

    Raises:
        argparse.ArgumentTypeError: for anything else.
    """
    if not (text.isascii() and text.isdigit() and int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"{text}: a port is a number from 0 to {2**16 - 1}")
    return int(text)


def add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", type=named_path, default=DEFAULT_RUNS, help="directory of the runs (default: ./runs)")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_parallel(parser: argparse.ArgumentParser) -> None:
    """Add the number of parallel runs."""
    parser.add_argument(
        "--jobs", type=int, help="number of parallel runs (default: 1; for tiny without a GPU 2, if there are 2 cores)"
    )


def add_speed(parser: argparse.ArgumentParser) -> None:
    """Add an assumed speed of the devices, in place of a measured one."""
    parser.add_argument("--gpu", metavar="NAME", help="assume the speed of this GPU, e.g. A100, not a measured one")
    parser.add_argument("--utilisation", type=float, metavar="SHARE", help="assumed share of its peak (default: 0.35)")


def add_query(parser: argparse.ArgumentParser) -> None:
    """Add a point of a test video, an attention, a block and a head. All indices start at 0."""
    parser.add_argument(
        "--video", metavar="ID", help="test video by id, or by index as @12 (default: as in the table's figure, or @0)"
    )
    parser.add_argument(
        "--query",
        metavar="X,Y",
        help="point in fractions of width and height (default: as in the table's figure, or 0.5,0.5)",
    )
    parser.add_argument("--frame", type=int, help="token frame of the point (default: 0)")
    parser.add_argument(
        "--attention",
        metavar="NAME[,NAME]",
        help="name of the attention, in a model with several; with commas, several below each other",
    )
    parser.add_argument("--block", type=int, help="block of the model (default: depends on the model)")
    parser.add_argument("--head", type=int, help="head of the block (default: the mean of all)")


def add_list(parser: argparse.ArgumentParser) -> None:
    """Add a list file of videos, in place of the test videos of a data set."""
    parser.add_argument(
        "--list",
        dest="video_list",
        type=named_path,
        metavar="FILE",
        help="videos in place of the test videos: a file of `path label` lines, or `path verb noun`; names or numbers",
    )


def add_resources(parser: argparse.ArgumentParser) -> None:
    """Add the options for devices and data sets. They are the same for all commands that compute."""
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="directory of a data set")
    parser.add_argument("--devices", type=int, help="devices per node (default: all GPUs, or one CPU process)")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--micro-batch", type=int, help="items per device and step (default: by their size)")
    parser.add_argument(
        "--recompute",
        action="store_true",
        help="recompute attention in the backward pass: less memory, same results",
    )
    parser.add_argument("--workers", type=int, help="data loading processes per device")
    parser.add_argument("--threads", type=int, help="CPU threads per process")
    parser.add_argument("--allow-bad", type=int, help="unreadable videos to accept (default: 1 %%)")


def add_eval_only(parser: argparse.ArgumentParser) -> None:
    """Add testing without training."""
    parser.add_argument("--eval-only", action="store_true", help="test existing weights without training")
