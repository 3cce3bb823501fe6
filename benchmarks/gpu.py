"""Everything that needs a GPU, in steps that go on where they stopped: tests, measured columns, ours against published.

A step that has ended well at this commit is not repeated. No virtual environment is made: the steps use the Python that
runs this, with its torch.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from benchmarks.__main__ import CASES, DONE, UNUSABLE
from experiments.spec.catalog import find
from experiments.spec.metrics import Measured
from runner.machine.files import read_json, write_atomically
from runner.store.provenance import commit
from runner.store.records import UNKNOWN

ROOT = Path(__file__).parents[1]
FAILED = 1
SECONDS = 600  # of a step

Steps = Mapping[str, Sequence[str]]  # arguments of Python, by name


def steps(folder: Path) -> Steps:
    """All steps, the short ones first. `folder` takes the results."""
    found: dict[str, Sequence[str]] = {}
    for file in sorted(ROOT.glob("tests/**/test_*.py")):
        if "mark.gpu" in file.read_text(encoding="utf-8"):
            name = str(file.relative_to(ROOT))
            found[name] = ("-m", "pytest", "-q", "-m", "gpu", name)
    for table, _ in find(["*"]):
        cells = [cell for cell in table.cells() if isinstance(cell.metric, Measured) and cell.paper_run is not None]
        in_turns = any(isinstance(cell.metric, Measured) and cell.metric.in_turns for cell in cells)
        rows = dict.fromkeys(table.name if in_turns else f"{table.name}:{cell.row.key}" for cell in cells)
        for name in rows:
            found[f"measure {name}"] = ("-m", "reproduce", "measure", name, "--runs", str(folder))
    for name in CASES:
        found[f"compare {name}"] = ("-m", "benchmarks", name, "--json", str(folder / f"{name}.json"))
    return found


def run(todo: Steps, record: Path | None, seconds: float = SECONDS) -> int:
    """Run the steps that a record does not have yet, and add each that ends well. Returns the exit code.

    Without a record, which changed code does not have, all run.
    """
    done = (read_json(record) if record is not None else None) or {}
    left = [name for name in todo if name not in done]
    print(f"{len(todo) - len(left)} of {len(todo)} steps are done", flush=True)
    failed = []
    for number, name in enumerate(left, len(todo) - len(left) + 1):
        print(f"[{number}/{len(todo)}] {name}", flush=True)
        start = time.monotonic()
        try:
            code = subprocess.run([sys.executable, *todo[name]], cwd=ROOT, timeout=seconds).returncode
            problem = f"exit code {code}" if code else ""
        except subprocess.TimeoutExpired:
            problem = f"it did not end within {seconds:g} s; --seconds gives it longer"
        if problem:
            failed.append(name)
            print(f"{name}: {problem}", file=sys.stderr, flush=True)
            continue
        done[name] = round(time.monotonic() - start, 1)
        if record is not None:
            write_atomically(record, json.dumps(done, indent=1) + "\n")
    if failed:
        print(f"failed: {', '.join(failed)}; the same command runs them again", file=sys.stderr)
    return FAILED if failed else DONE


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the measurements (default: runs)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="limit of a step (default: 600)")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print(f"{sys.executable} finds no CUDA device; these steps need one", file=sys.stderr)
        return UNUSABLE
    folder = options.runs.resolve()
    todo = steps(folder)
    version = commit()
    is_known = version != UNKNOWN["commit"] and "+" not in version
    code = run(todo, folder / "gpu" / f"{version}.json" if is_known else None, options.seconds)
    tables = dict.fromkeys(name.split()[1].partition(":")[0] for name in todo if name.startswith("measure "))
    print(f"next: reproduce report {' '.join(tables)} --scale paper --publish --runs {options.runs}")
    return code


if __name__ == "__main__":
    sys.exit(main())
