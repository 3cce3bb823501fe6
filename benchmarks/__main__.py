"""Time our implementations against the published formulation and print a table.

`python -m benchmarks reading` and `python -m benchmarks pipeline` time the reading of videos instead.
"""

import os

os.environ.setdefault("TORCH_DISABLE_NATIVE_JIT", "1")  # before torch is imported, see reproduce/command.py

import argparse
import dataclasses
import json
import statistics
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import torch
from tabulate import tabulate

from benchmarks import cast, deform3d, motionformer, msca, pipeline, reading, xvit
from benchmarks.compare import Case, Pair, Sizes, measured
from runner.machine.files import write_atomically
from runner.store.provenance import commit, cores, provenance

DONE, USAGE, UNUSABLE, INTERRUPTED = 0, 2, 3, 130
CASES: dict[str, Case] = {**motionformer.CASES, **msca.CASES, **xvit.CASES, **cast.CASES, **deform3d.CASES}
OF_VIDEOS = {"reading": reading, "pipeline": pipeline}
PRECISIONS = {"cpu": ["float32"], "cuda": ["float32", "bfloat16"]}
# On a GPU a turn is short. The paper trains with 4 clips per GPU, too few to occupy it.
SIZES = {"cpu": Sizes(), "cuda": Sizes(clips=8, repeats=20)}
# Prefixes of environment variables that affect the allocation of memory and threads, and so the timings.
ENVIRONMENT = ("MALLOC_", "OMP_", "MKL_", "THP_", "PYTORCH_", "TORCH_", "CUBLAS_", "CUDA_", "NVIDIA_TF32", "LD_PRELOAD")
# A column without values is omitted.
COLUMNS: dict[str, Callable[[Pair], str]] = {
    "what": lambda pair: pair.name,
    "precision": lambda pair: pair.precision,
    "published": lambda pair: duration(pair.published),
    "ours": lambda pair: duration(pair.ours),
    "ratio": lambda pair: f"{pair.ratio:.2f}",
    "turns": lambda pair: f"{min(pair.ratios):.2f} – {max(pair.ratios):.2f} in {len(pair.ratios)}",
    "aim": lambda pair: f"{pair.aim:.2f}" + ", missed" * (pair.ratio < pair.aim) if pair.aim else "",
    "bound": lambda pair: f"{pair.bound:.2f}" if pair.bound else "",
    "clips/s": lambda pair: f"{pair.clips / statistics.median(pair.ours):.2f}" if pair.bound else "",
    "memory, GB": lambda pair: " / ".join(f"{size / 1e9:.2f}" for size in pair.memory or ()),
    "saved, GB": lambda pair: " / ".join(f"{size / 1e9:.3f}" for size in pair.saved or ()),
    "difference": lambda pair: "" if pair.difference is None else f"{pair.difference:.0e}" if pair.difference else "0",
}
LEGEND = """\
- turns: the least and the greatest ratio of a turn, and how many there are; the ratio is their median.
- bound: the ratio, were all multiply-adds of ours as fast as those of one large matrix product.
- memory, GB: peak of what tensors take, published and ours, weights and the optimiser's state included.
- saved, GB: what a clip saves for the backward pass in float32, published and ours, weights excluded.
- difference: largest between the logits; of a selection, between the indices."""


def main(arguments: list[str] | None = None) -> int:
    """Exit code of what the arguments name."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        return OF_VIDEOS[given[0]].main(given[1:]) if given[:1] and given[0] in OF_VIDEOS else compare(parsed(given))
    except (ValueError, OSError) as error:
        print(f"python -m benchmarks: {error}", file=sys.stderr)
        return USAGE if type(error) is ValueError else UNUSABLE


def compare(options: argparse.Namespace) -> int:
    """Compare, save each pair as soon as it is measured, and print. Returns the exit code."""
    device, path, code, done = options.device, options.json, DONE, []
    sizes_given = {field.name: getattr(options, field.name) for field in dataclasses.fields(Sizes)}
    sizes = dataclasses.replace(
        SIZES[device.type], **{name: size for name, size in sizes_given.items() if size is not None}
    )
    torch.set_num_threads(options.threads)
    try:
        conditions = conditions_of(sizes, device)
        pairs = read(path, conditions)
        save(path, conditions, pairs)  # fails now instead of minutes later if the file cannot be written
        for name in options.names or CASES:
            for comparison in CASES[name](sizes, device):
                now = datetime.now(UTC).isoformat(timespec="seconds")
                precisions = options.precision or PRECISIONS[device.type]
                for pair in measured(comparison, sizes, device, precisions, commit=commit(), date=now):
                    done.append(pair)
                    pairs[f"{pair.name} {pair.precision}"] = pair
                    save(path, conditions, pairs)
                    print(f"{pair.name}, {pair.precision}: {pair.ratio:.2f}", file=sys.stderr)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except torch.OutOfMemoryError:
        print(f"{sizes.clips} clips do not fit into this GPU; use fewer --clips", file=sys.stderr)
        code = UNUSABLE
    print(table(done), flush=True)
    print(f"{len(done)} pairs saved in {path} and {path.with_suffix('.md').name}", file=sys.stderr)
    return code


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"cases: {', '.join(CASES)} (default: all)")
    new = Path("runs", "benchmarks", f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json")
    to = "add pairs to FILE, and write the table next to it (default: a new file in runs/)"
    parser.add_argument("--json", type=Path, metavar="FILE", default=new, help=to)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", type=device_of, default=device, help="cpu, cuda or e.g. cuda:1")
    parser.add_argument("--threads", type=positive, default=1, help="of the CPU (default: 1, which never waits)")
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS["cuda"], help="default: all of the device")
    for field in dataclasses.fields(Sizes):
        parser.add_argument(f"--{field.name}", type=positive, help=f"default: {field.default}")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in CASES]:
        parser.error(f"there is no case '{unknown[0]}'; choose of {', '.join(CASES)}")
    return options


def device_of(name: str) -> torch.device:
    kind, _, index = name.partition(":")
    if kind not in SIZES or (name != "cpu" and int(index or 0) >= torch.cuda.device_count()):
        raise argparse.ArgumentTypeError(f"{name}: there are {', '.join(SIZES)} and {torch.cuda.device_count()} GPUs")
    return torch.device(name)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}: it must be 1 or more")
    return number


def conditions_of(sizes: Sizes, device: torch.device) -> dict[str, object]:
    """What all pairs of a file share."""
    return {
        "hardware": cores() if device.type == "cpu" else torch.cuda.get_device_name(device),
        "device": device.type,
        "threads": torch.get_num_threads(),
        "versions": provenance()["versions"],
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith(ENVIRONMENT)},
        "sizes": dataclasses.asdict(sizes),
    }


def read(path: Path, conditions: dict[str, object]) -> dict[str, Pair]:
    """Pairs of a file by name and precision; none if there is no file."""
    if not path.exists():
        return {}
    content = json.loads(path.read_text())
    if other := [name for name in conditions if content.get(name) != conditions[name]]:
        raise ValueError(f"{path} was measured with other {', '.join(other)}; name another file with --json")
    try:
        return {f"{pair['name']} {pair['precision']}": Pair(**pair) for pair in content["pairs"]}
    except TypeError:
        raise ValueError(f"{path} was written by an earlier version; name another file with --json") from None


def save(path: Path, conditions: dict[str, object], pairs: dict[str, Pair]) -> None:
    """Write the JSON file and the Markdown table next to it."""
    content = {**conditions, "pairs": [dataclasses.asdict(pair) for pair in pairs.values()]}
    write_atomically(path, json.dumps(content, indent=1) + "\n")
    facts = [f"- {name}: {texts(value)}" for name, value in conditions.items()]
    facts += [f"- commit: {texts({pair.commit: pair.date[:10] for pair in pairs.values()})}"]
    page = ["# Ours against the published formulation", table(list(pairs.values())), LEGEND, "\n".join(facts)]
    write_atomically(path.with_suffix(".md"), "\n\n".join(page) + "\n")


def texts(value: object) -> object:
    return ", ".join(f"{name} {of}" for name, of in value.items()) if isinstance(value, dict) else value


def table(pairs: list[Pair]) -> str:
    rows = [{header: text(pair) for header, text in COLUMNS.items()} for pair in pairs]
    shown = [header for header in COLUMNS if any(row[header] for row in rows)]
    align = ["left" if header in ("what", "precision") else "right" for header in shown]
    lines = [[row[header] for header in shown] for row in rows]
    return tabulate(lines, shown, tablefmt="pipe", disable_numparse=True, colalign=align if lines else None)


def duration(seconds: list[float]) -> str:
    """Median in seconds, or in milliseconds below one second."""
    median = statistics.median(seconds)
    return f"{median:.2f} s" if median >= 1 else f"{1e3 * median:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
