"""`python -m benchmarks`: time ours against the published formulation and print a table."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.cases import ATTENTIONS, Sizes, compared_models, compared_selections
from benchmarks.timing import Pair
from experiments.provenance import provenance

HEADER = "| what | precision | published | ours | ratio | aim | difference | memory, GB | clips/s | by FLOPs |"


def pairs(names: list[str], sizes: Sizes, device: torch.device) -> Iterator[Pair]:
    """The comparisons of these names, one at a time."""
    for name in names:
        yield from compared_selections(sizes, device) if name == "selection" else compared_models(name, sizes, device)


def line(pair: Pair) -> str:
    """One comparison as a row of the table."""
    aim = f"{pair.aim:.2f}" if pair.aim else ""
    memory = ""
    if pair.published_memory is not None and pair.ours_memory is not None:
        memory = f"{pair.published_memory / 1e9:.2f} / {pair.ours_memory / 1e9:.2f}"
    speed = f"{pair.clips_per_second:.2f}" if pair.clips else ""
    bound = f"{pair.clips_per_second_by_flops:.2f}" if pair.clips_per_second_by_flops else ""
    times = f"{1e3 * pair.published:.1f} ms | {1e3 * pair.ours:.1f} ms | {pair.ratio:.2f}"
    return (
        f"| {pair.name} | {pair.precision} | {times} | {aim} | {pair.difference:.0e} | {memory} | {speed} | {bound} |"
    )


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """What to compare, and how."""
    names = ["selection", *ATTENTIONS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; by default all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers and how they came about")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    for field in dataclasses.fields(Sizes):
        parser.add_argument(f"--{field.name}", type=int, default=field.default)
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in names]:
        parser.error(f"there is no {', '.join(unknown)}; choose from {', '.join(names)}")
    options.names = options.names or names
    return options


def main(arguments: list[str] | None = None) -> int:
    """Compare, print, and write where asked."""
    options = parse(arguments)
    sizes = Sizes(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Sizes)})
    how = provenance()
    threads = f"{torch.get_num_threads()} threads" if options.device == "cpu" else "one device"
    print(f"{how['hardware']}, {threads}, commit {how['commit']}; medians of {sizes.repeats} in turns; {sizes}")
    print("On a CPU times are CPU time. By FLOPs: clips/s at the rate of one large matrix product.\n")
    print(HEADER)
    print("|---" * HEADER.count(" | ") + "|---|", flush=True)
    done = []
    for pair in pairs(options.names, sizes, torch.device(options.device)):
        print(line(pair), flush=True)
        done.append({**dataclasses.asdict(pair), "ratio": pair.ratio})
    if options.json is not None:
        record = {**how, "threads": torch.get_num_threads(), "sizes": dataclasses.asdict(sizes), "pairs": done}
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
