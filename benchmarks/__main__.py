"""Time our implementations against the published formulation and print a table."""

import os

os.environ.setdefault("TORCH_DISABLE_NATIVE_JIT", "1")  # before torch is imported, see environment.disable_native_jit

import argparse
import dataclasses
import difflib
import sys
from datetime import UTC, datetime
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.bench import Bench, Sizes
from benchmarks.cases import CASES, NAMES
from benchmarks.isolated import pairs_in_isolation
from benchmarks.record import Conditions, Measurement, Record, read
from benchmarks.table import markdown, summary, table
from runner.machine.files import write_atomically
from runner.machine.memory_errors import is_out_of_memory
from runner.store.provenance import commit

DONE, USAGE, UNUSABLE, INTERRUPTED = 0, 2, 3, 130
PRECISIONS = {"cpu": ["float32"], "cuda": ["float32", "bfloat16"]}
# On a GPU a turn is short. The paper trains with 4 clips per GPU, too few to occupy it.
SIZES = {"cpu": Sizes(), "cuda": Sizes(clips=8, repeats=20)}


def parser() -> argparse.ArgumentParser:
    """Parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"cases: {', '.join(NAMES)} (default: all)")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="add pairs to FILE, and write the table next to it (default: a new file in runs/)",
    )
    parser.add_argument("--render", type=Path, metavar="FILE", help="only rewrite the table of FILE")
    parser.add_argument(
        "--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu, cuda or e.g. cuda:1"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="CPU threads (default: 1, so that CPU time contains no waiting)"
    )
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS["cuda"], help="default: all of the device")
    for field in dataclasses.fields(Sizes):
        parser.add_argument(f"--{field.name}", type=int, help=f"default: {field.default}")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Compare, save and print. Returns the exit code."""
    options = parser().parse_args(arguments)
    try:
        if options.render is None:
            return compare(options)
        save(read(options.render), options.render)
    except (ValueError, OSError) as error:
        print(f"python -m benchmarks: {error}", file=sys.stderr)
        return USAGE if type(error) is ValueError else UNUSABLE
    return DONE


def compare(options: argparse.Namespace) -> int:
    """Measure pairs and save each as soon as it is measured. Returns the exit code."""
    names = checked_names(options.names)
    device = checked_device(options.device)
    overrides = {
        field.name: size for field in dataclasses.fields(Sizes) if (size := getattr(options, field.name)) is not None
    }
    for name, size in overrides.items():
        if size < 1:
            raise ValueError(f"--{name} {size}: it must be 1 or more")
    sizes = dataclasses.replace(SIZES[device.type], **overrides)
    if device.type == "cpu":
        torch.set_num_threads(options.threads)
    path = options.json or Path("runs", "benchmarks", f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json")
    record, revision = opened(path, Conditions.here(sizes, device)), commit()
    save(record, path)  # fails now instead of minutes later if the file cannot be written
    code, done = DONE, []
    with tqdm(unit="MAC", unit_scale=True, file=sys.stderr) as bar:
        precisions = options.precision or PRECISIONS[device.type]
        bench = Bench(sizes=sizes, device=device, precisions=tuple(precisions), advance=bar.update)
        bar.reset(sum(CASES[name].macs(bench) for name in names))
        try:
            for pair in pairs_in_isolation(bench, names):
                now, load = datetime.now(UTC).isoformat(timespec="seconds"), os.getloadavg()[0]
                record.add(Measurement(pair=pair, commit=revision, date=now, load_average=round(load, 2)))
                save(record, path)
                bar.write(summary(pair), file=sys.stderr)
                done.append(pair)
        except KeyboardInterrupt:
            code = INTERRUPTED
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            bar.write(f"{sizes.clips} clips do not fit into this GPU; use fewer --clips", file=sys.stderr)
            code = UNUSABLE
    print(table(done), flush=True)
    print(f"{len(done)} pairs saved in {path} and {path.with_suffix('.md').name}", file=sys.stderr)
    return code


def save(record: Record, path: Path) -> None:
    """Write the JSON file and the Markdown table next to it.

    Raises:
        StoreError: if they cannot be written.
    """
    write_atomically(path, record.json())
    write_atomically(path.with_suffix(".md"), markdown(record))


def checked_device(name: str) -> torch.device:
    """Device of a name.

    Raises:
        ValueError: if the name is neither a CPU nor a GPU.
        OSError: if the device does not exist.
    """
    kind, _, index = name.partition(":")
    if kind not in SIZES or (index and not index.isdecimal()):
        raise ValueError(f"--device {name}: choose cpu, cuda or one GPU, e.g. cuda:1")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise OSError(f"--device {name}: there are {torch.cuda.device_count()} GPUs here")
    return torch.device(name)


def checked_names(names: list[str]) -> list[str]:
    """Names of cases, or all names if there are none.

    Raises:
        ValueError: for a name that does not exist, with the nearest name or all names.
    """
    for name in names:
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=1)
            raise ValueError(f"there is no '{name}'; " + (f"did you mean {near[0]}?" if near else ", ".join(NAMES)))
    return names or list(NAMES)


def opened(path: Path, conditions: Conditions) -> Record:
    """Record of a file, or a new one if the file does not exist.

    Raises:
        ValueError: if the pairs of the file have other conditions.
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
