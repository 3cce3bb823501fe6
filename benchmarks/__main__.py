"""`python -m benchmarks`: time ours against the published formulation and print a table."""

import argparse
import dataclasses
import difflib
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.cases import NAMES, Bench, Sizes
from benchmarks.fresh import pairs_of_fresh_processes
from benchmarks.record import Conditions, Measured, Record, read
from benchmarks.table import markdown, summary, table
from experiments.options import without_jit
from experiments.provenance import commit
from experiments.store import write_atomically

DONE, USAGE, UNUSABLE, INTERRUPTED = 0, 2, 3, 130
PRECISIONS = {"cpu": ["float32"], "cuda": ["float32", "bfloat16"]}
# On a GPU a turn takes little. The paper trains with 4 clips on each: too few to keep it busy.
SIZES = {"cpu": Sizes(), "cuda": Sizes(clips=8, repeats=20)}


def parser() -> argparse.ArgumentParser:
    """What to compare, and how."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; by default all")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="keep pairs in FILE, their table beside it; others in FILE stay (default: a new file in runs/)",
    )
    parser.add_argument("--render", type=Path, metavar="FILE", help="only write the table beside FILE again")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu, cuda, cuda:1")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU: by default one, whose time is all work")
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS["cuda"], help="by default all of the device")
    for field in dataclasses.fields(Sizes):
        parser.add_argument(f"--{field.name}", type=int, help=f"default: {field.default}")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Compare, keep and print; returns the exit code."""
    without_jit()
    options = parser().parse_args(arguments)
    try:
        if options.render is None:
            return measure(options)
        keep(read(options.render), options.render)
    except (ValueError, OSError) as error:
        print(f"python -m benchmarks: {error}", file=sys.stderr)
        return USAGE if type(error) is ValueError else UNUSABLE
    return DONE


def measure(options: argparse.Namespace) -> int:
    """Measure pair after pair, each kept when it is done."""
    names = checked_names(options.names)
    device = checked_device(options.device)
    asked = {
        field.name: size for field in dataclasses.fields(Sizes) if (size := getattr(options, field.name)) is not None
    }
    for name, size in asked.items():
        if size < 1:
            raise ValueError(f"--{name} {size}: it must be 1 or more")
    sizes = dataclasses.replace(SIZES[device.type], **asked)
    if device.type == "cpu":
        torch.set_num_threads(options.threads)
    path = options.json or Path("runs", "benchmarks", f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json")
    record, revision = continued(path, Conditions.here(sizes, device)), commit()
    keep(record, path)  # now, and not minutes later, shows whether it can be
    code, done = DONE, []
    with tqdm(unit="MAC", unit_scale=True, file=sys.stderr) as bar:
        precisions = options.precision or PRECISIONS[device.type]
        bench = Bench(sizes=sizes, device=device, precisions=tuple(precisions), advance=bar.update)
        bar.reset(bench.macs(names))
        try:
            for pair in pairs_of_fresh_processes(bench, names):
                now, load = datetime.now(UTC).isoformat(timespec="seconds"), os.getloadavg()[0]
                record.add(Measured(pair=pair, commit=revision, date=now, load_average=round(load, 2)))
                keep(record, path)
                bar.write(summary(pair), file=sys.stderr)
                done.append(pair)
        except KeyboardInterrupt:
            code = INTERRUPTED
        except torch.OutOfMemoryError:
            bar.write(f"{sizes.clips} clips do not fit into this GPU; use fewer --clips", file=sys.stderr)
            code = UNUSABLE
    print(table(done), flush=True)
    print(f"{len(done)} pairs kept in {path} and {path.with_suffix('.md').name}", file=sys.stderr)
    return code


def keep(record: Record, path: Path) -> None:
    """Write the file and, beside it, the table.

    Raises:
        StoreError: when it cannot be written.
    """
    write_atomically(path, record.json())
    write_atomically(path.with_suffix(".md"), markdown(record))


def checked_device(name: str) -> torch.device:
    """The device of a name.

    Raises:
        ValueError: when it is neither a CPU nor a GPU.
        OSError: when it is not there.
    """
    kind, _, index = name.partition(":")
    if kind not in SIZES or (index and not index.isdecimal()):
        raise ValueError(f"--device {name}: name cpu, cuda or one GPU, as cuda:1")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise OSError(f"--device {name}: there are {torch.cuda.device_count()} GPUs here")
    return torch.device(name)


def checked_names(names: list[str]) -> list[str]:
    """The comparisons of these names, or all.

    Raises:
        ValueError: naming what there is.
    """
    for name in names:
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=1)
            raise ValueError(f"there is no '{name}'; " + (f"did you mean {near[0]}?" if near else ", ".join(NAMES)))
    return names or list(NAMES)


def continued(path: Path, conditions: Conditions) -> Record:
    """The record in a file, or a new one.

    Raises:
        ValueError: when the file's pairs were measured under other conditions.
    """
    if not path.exists():
        return Record(conditions)
    record = read(path)
    before, now = dataclasses.asdict(record.conditions), dataclasses.asdict(conditions)
    if other := [name for name in now if now[name] != before[name]]:
        raise ValueError(f"{path} was measured with other {', '.join(other)}; name another file with --json")
    return record


if __name__ == "__main__":
    sys.exit(main())
