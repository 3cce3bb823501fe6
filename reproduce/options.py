"""Options of the verbs: a frozen dataclass a verb, made of shared groups. The parser is generated from their fields.

Nothing here imports PyTorch, so that help, `list` and completion answer at once.
"""

from dataclasses import Field, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, dataclass_transform

from experiments.spec.names import FINE_TUNE, path_of
from reproduce.option_types import (
    Duration,
    at_least,
    author,
    data_root,
    duration,
    override_words,
    own_folder,
    path,
    png_file,
    point,
    run_name,
    sbatch_option,
    seeds,
    words,
)

DONE, FAILED, USAGE, UNUSABLE, INTERRUPTED = 0, 1, 2, 3, 130  # exit codes
RESULTS = Path(__file__).resolve().parent.parent / "reports" / "results"
SCALES = ("tiny", "small", "paper")
SCALE = f"one of {', '.join(SCALES)} (default: %(default)s)"  # help, as the following
SEVERAL_TABLES = "paper/table, paper/table:row, or a glob"

Argument = tuple[tuple[str, ...], dict[str, object]]  # flags, and arguments of ArgumentParser.add_argument


def argument(*flags: str, **details: object) -> Argument:
    return flags, details


def flags_of(one: "Field[object]", argument: Argument) -> tuple[str, ...]:
    """Flags of an argument of a field; by default its name."""
    flags, _ = argument
    return flags or (f"--{one.name.replace('_', '-')}",)


def option(*flags: str, default: object = None, **details: object) -> Any:  # noqa: ANN401  (as dataclasses.field)
    """Field with one argument: by default `--name`. Its type, if not named, follows from that of the field."""
    return field(default=default, metadata={"arguments": (argument(*flags, **details),)})


def appended(*arguments: Argument) -> Any:  # noqa: ANN401
    """Field of what one or several arguments append, in the order of the command line."""
    found = tuple((flags, {"action": "append", **details}) for flags, details in arguments)
    return field(default=(), metadata={"arguments": found})


def any_tables(default: tuple[str, ...], text: str) -> Any:  # noqa: ANN401
    return option("tables", default=default, nargs="*", metavar="TABLE", help=text)


VERBS: dict[str, type["Options"]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(option,))
@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of all verbs. Its subclasses are groups of options and, with a name, verbs: their docstring is the help.

    Fields of the last base class come first, in the help as well.
    """

    verb: ClassVar[str]
    module: ClassVar[str] = ""
    """File in `verbs/`, unless it has the name of the verb, or of the first of its words."""
    group: ClassVar[str] = ""
    """Heading of its own options in the help of a verb; empty for those of the verb itself."""

    debug: bool = option(default=False, help="show the traceback of an error")

    def __init_subclass__(cls, verb: str = "") -> None:
        dataclass(frozen=True, kw_only=True)(cls)
        if verb:
            VERBS[verb], cls.verb = cls, verb


class Tables(Options):
    tables: tuple[str, ...] = option("tables", nargs="+", metavar="TABLE", help=SEVERAL_TABLES)


class Row(Options):
    table: str = option("table", metavar="TABLE:ROW")
    column: str | None = option(help="column of the run (default: the first tested column)")


class Columns(Options):
    group = "what is run"

    columns: tuple[str, ...] = option(
        "--column", default=(), type=words, metavar="KEY[,KEY]", help="only these columns, with parents of their runs"
    )


class Scaled(Options):
    """What the runs are. Data of the user's own, and a start from the weights of the row, are overrides."""

    group = "what is run"

    scale: str = option(default="tiny", help=SCALE)
    seeds: tuple[int, ...] = option(default=(), type=seeds, metavar="0,1,2", help="seeds of the runs (default: 0)")
    overrides: tuple[str, ...] = appended(
        argument("-o", "--override", metavar="PATH=VALUE", help="change a field of every run, e.g. -o optim.epochs=3"),
        argument(
            "--own", type=own_folder, metavar="FOLDER",
            help="your videos in place of the data set: CLASS/VIDEO files, train/ and val/ of these, or two lists",
        ),
        argument(
            "--fine-tune", action="append_const", const=FINE_TUNE,
            help="start from the row's own weights, trained or imported, not from its initial weights",
        ),
    )  # fmt: skip

    def __post_init__(self) -> None:
        fields = list(map(path_of, self.overrides))
        if twice := [text for text, name in zip(self.overrides, fields, strict=True) if fields.count(name) > 1]:
            first, second = (" ".join(override_words(text)) for text in twice[:2])
            raise ValueError(f"{first} and {second} change the same field; leave one out")

    @property
    def all_seeds(self) -> tuple[int, ...]:
        return self.seeds or (0,)


class RunOfRow(Scaled, Row):
    """One run of one row."""

    module = "one_run"

    @property
    def seed(self) -> int:
        """The one seed. Several are refused."""
        seed, *others = self.all_seeds
        if others:
            given = ",".join(map(str, self.seeds))
            raise ValueError(f"--seeds {given}: {self.verb} takes one run, so name one seed")
        return seed


class Stored(Options):
    runs: Path = option(default=Path("runs"), help="directory of the runs (default: ./%(default)s)")


class DataRoots(Options):
    group = "data and machine"

    data: tuple[tuple[str, Path], ...] = appended(
        argument(type=data_root, metavar="NAME=PATH", help="directory of a data set")
    )


class Reading(DataRoots):
    group = "data and machine"

    workers: int | None = option(type=at_least(0), help="data loading processes per device")
    threads: int | None = option(type=at_least(1), help="CPU threads per process")
    allow_bad: int | None = option(type=at_least(0), help="unreadable videos to accept (default: 1 %%)")


class OfMachine(Reading):
    """Devices and data sets: all fields of `Resources`."""

    group = "data and machine"

    devices: int | None = option(type=at_least(1), help="devices per node (default: all GPUs, or one CPU process)")
    nodes: int = option(default=1, type=at_least(1))
    micro_batch: int | None = option(type=at_least(1), help="items per device and step (default: by their size)")
    device_jitter: bool = option(default=False, help="colour jitter on the device: within a grey level of the CPU's")
    compile: bool = option(default=False, help="compile the model (torch.compile): faster, equal within rounding")
    recompute: bool = option(default=False, help="recompute attention in the backward pass: less memory, same results")


class Json(Options):
    json: bool = option(default=False, help="print JSON")


class Listed(Options):
    """Videos of the user's own."""

    videos: tuple[Path, ...] = option(
        "videos", default=(), nargs="*", type=path, metavar="VIDEO", help="videos, or folders of them, without labels"
    )
    video_list: Path | None = option(
        "--list",
        metavar="FILE",
        help="videos in place of the test videos: a file of `path label` lines, or `path verb noun`; names or numbers",
    )


class OfTables(Scaled, Columns, Tables):
    """The runs of tables."""


class Compared(Stored, OfTables):
    variants: tuple[str, ...] = appended(
        argument("--variant", metavar="VARIANT", help="to compare: 'PATH=VALUE ...', a name, or unchanged; several")
    )


class Jobs(OfMachine, Stored, OfTables):
    """The runs of tables, and what carries them out."""

    group = "what is run"

    eval_only: bool = option(default=False, help="test existing weights without training")
    released: bool = option(default=False, help="test the authors' weights: train nothing, fetch what is missing")

    @property
    def tests_only(self) -> bool:
        return self.eval_only or self.released


class List(Json, Stored, verb="list"):
    """Every table and figure by name, its progress and cost."""

    tables: tuple[str, ...] = any_tables(("*",), "a paper, a table, or a glob")
    scale: str = option(default="tiny", help="whose progress and cost (default: %(default)s)")
    weights: bool = option(default=False, help="the files that their authors released, and where they are")


class Show(Json, OfTables, verb="show"):
    """A table as printed, with the changes of each row."""

    config: bool = option(default=False, help="instead: every field of the rows' runs, as -o changes it")


class Diff(Json, Stored, Scaled, verb="diff"):
    """Fields in which two runs differ, or a run and a config file of its authors."""

    scale: str = option(default="paper", help=SCALE)
    compared: tuple[str, ...] = option(
        "compared", nargs="+", metavar="RUN", help="id of a run, or TABLE:ROW[.COLUMN]; with --as a file of the authors"
    )
    table: str | None = option("--as", metavar="TABLE:ROW[.COLUMN]", help="run that the file is compared with")


class Plan(Json, Jobs, verb="plan"):
    """The distinct runs of a table, and their cost."""

    gpu: str | None = option(metavar="NAME", help="assume the speed of this GPU, e.g. A100, not a measured one")
    tflops: float | None = option(metavar="PEAK", help="dense float16 peak of a GPU that --gpu does not know")
    utilisation: float | None = option(metavar="SHARE", help="assumed share of its peak (default: 0.35)")
    budget: Duration | None = option(
        type=duration, metavar="72h", help="say which rows are done within this time on the devices, cheapest first"
    )

    @property
    def speed_is_given(self) -> bool:
        return any(one is not None for one in (self.gpu, self.tflops, self.utilisation))


class Started(Jobs):
    name: str | None = option(type=run_name, help="name of these overrides, or of none, in lists and reports")
    file: Path | None = option(metavar="FILE", help="with --released: the file of the row, fetched by hand")
    replace: bool = option(default=False, help="with --file: replace the weights of another file, and their results")


class Submit(Started, verb="submit"):
    """Let SLURM train and test every row that has no result yet, a job each, and write the report."""

    sbatch: tuple[str, ...] = appended(
        argument(type=sbatch_option, metavar="=--OPTION=VALUE",
                 help="option of all jobs, e.g. --sbatch=--time=24:00:00; several"),
    )  # fmt: skip
    dry_run: bool = option(default=False, help="print the scripts and what waits for what; submit nothing")


class Run(Started, verb="run"):
    """Train and test every row that has no result yet."""

    jobs: int | None = option(
        type=at_least(1), help="parallel runs (default: 1; for tiny without a GPU 2, if there are 2 cores)"
    )
    max_time: Duration | None = option(
        type=duration, metavar="12:00:00", help="then stop as after Ctrl-C: with checkpoints; again: goes on"
    )
    fast_dev_run: bool = option(default=False, help="a batch of each part of every run, to find errors; keeps nothing")
    profiler: Literal["simple", "advanced", "pytorch"] | None = option(
        choices=("simple", "advanced", "pytorch"), help="write Lightning's profile into the folder of each run"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fast_dev_run and self.tests_only:
            raise ValueError("--fast-dev-run trains, without results: leave out --eval-only and --released")


class Doctor(Json, Jobs, verb="doctor"):
    """Check the machine, the data sets and the weights."""

    tables: tuple[str, ...] = any_tables((), "check what these need (default: data sets found)")
    deep: bool = option(default=False, help="decode all videos, not only some; again: goes on")
    id_list: Path | None = option(
        "--list", metavar="FILE", help="write ids for prepare --list; of several data sets into FILE.NAME"
    )


class Prepare(DataRoots, verb="prepare"):
    """Write a copy of a data set of videos that is cheap to read."""

    dataset: str = option("dataset", metavar="DATASET", help="its name, e.g. kinetics400")
    out: Path = option(required=True, metavar="PATH", help="folder of the copy; again: goes on")
    short_side: int = option(
        default=256, type=at_least(32), help="short side of its pictures; smaller ones stay (default: %(default)s)"
    )
    ids: Path | None = option("--list", metavar="FILE", help="prepare only these ids, one a line")
    jobs: int | None = option(type=at_least(1), help="processes (default: all cores)")


class Status(Json, Stored, OfTables, verb="status"):
    """The state of each run."""

    tables: tuple[str, ...] = any_tables((), f"{SEVERAL_TABLES} (default: all runs started here)")


class Report(Json, Compared, verb="report"):
    """The table with measured values."""

    full: bool = option(default=False, help="in a terminal, also where the numbers come from")
    format: Literal["md", "csv", "json", "latex"] = option(default="md", choices=("md", "csv", "json", "latex"))
    publish: bool = option(default=False, help="also write the reports and their results to reports/, to be committed")
    by: str | None = option(
        type=author, metavar="NAME", help="who publishes; results of published rows stand beside them"
    )
    plot: bool = option(default=False, help="also draw accuracies against GFLOPs, or bars, beside the saved reports")
    check: bool = option(default=False, help="exit 1 when a committed report is not that of the committed results")
    picture: Path | None = option(type=png_file, metavar="FILE", help="save the figure as PNG")


class Claims(Json, Compared, verb="claims"):
    """What the papers conclude from their tables, and whether the numbers support it."""

    tables: tuple[str, ...] = any_tables(("*",), f"{SEVERAL_TABLES} (default: all)")


class TensorBoard(Compared, verb="tensorboard"):
    """Open a table's runs in TensorBoard."""

    port: int = option(default=6006, type=at_least(0, 2**16 - 1))
    no_serve: bool = option(default=False, help="only create the log directory and print its path")


class ImportWeights(Json, Stored, RunOfRow, verb="import-weights"):
    """Import released weights, for run --eval-only."""

    scale: str = option(default="paper", help=SCALE)
    file: Path = option("file", help="a released checkpoint")
    table: str = option("--as", required=True, metavar="TABLE:ROW", help="row whose weights the file contains")
    column: str | None = option(help="column of the run (default: that of the released file, or the first)")
    replace: bool = option(default=False, help="replace the weights of another file, and remove their results")


class Measure(DataRoots, Stored, OfTables, verb="measure"):
    """Measure a table's memory and speed on this machine, at the paper's size; or how fast its data are read."""

    scale: str = option(default="paper", help=f"with --reading: {SCALE}")
    reading: bool = option(default=False, help="clips per second of a core by stage, of workers and of the model")
    workers: int | None = option(type=at_least(0), help="with --reading: data loading processes of a device")
    device_jitter: bool = option(default=False, help="with --reading: as read for a training with this option")
    batch: int | None = option(type=at_least(1), help="batch size (default: the paper's, or the largest that fits)")
    rounds: int | None = option(
        type=at_least(1), help="rounds of a speed that all rows take in turns (default: 20 on a GPU, 5 on a CPU)"
    )


class Attention(Listed, DataRoots, Stored, RunOfRow, verb="attention"):
    """Draw the attention of a point of a test video, or of a video of your own."""

    video: str | None = option(
        metavar="ID", help="test video by id, or by index as @12 (default: as in the table's figure, or @0)"
    )
    query: tuple[float, float] | None = option(
        type=point, metavar="X,Y", help="fractions of width and height (default: as in the figure, or 0.5,0.5)"
    )
    frame: int | None = option(help="token frame of the point (default: 0)")
    attention: tuple[str, ...] = option(
        default=(), type=words, metavar="NAME[,NAME]", help="of a model with several attentions, below each other"
    )
    block: int | None = option(help="block of the model (default: depends on the model)")
    head: int | None = option(help="head of the block (default: the mean of all)")
    out: Path = option(type=png_file, required=True, metavar="FILE", help="PNG file to write")


class Evaluate(Json, Listed, Reading, Stored, RunOfRow, verb="evaluate"):
    """Predict or score videos with a row's model."""

    scale: str = option(default="paper", help=SCALE)
    classes: Path | None = option(metavar="FILE", help="names of the classes, one a line")
    weights: Path | None = option(help="a released checkpoint or a .safetensors file")
    untrained: bool = option(default=False, help="use random weights, to test the command")
