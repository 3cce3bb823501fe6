"""Kill runs at random moments, let the same command go on, and compare with uninterrupted runs, bit for bit.

python -m tests.slurm.random_kills --kills 50    # five kinds of runs in turns; needs neither SLURM nor root
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from experiments.spec.paper_folders import PAPERS

ROOT = Path(__file__).resolve().parents[2]
KINDS = {
    "training": [
        "motionformer/table4:joint", "--column", "k400", "-o", "optim.epochs=6", "-o", "optim.batch_size=8",
        "-o", "data.dataset.stand_in.num_train=32", "-o", "data.dataset.stand_in.num_val=8",
    ],
    "parents": ["sixth/table1:ours"],
    "frozen experts": ["experts/table1:fused", "--data", "points=tests"],
    "token sequences": ["motionformer/table5:exact", "--column", "listops", "-o", "optim.steps=40"],
    "masks": ["motionformer/table9:keys"],
}  # fmt: skip
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1)


class Command:
    """`reproduce run` of one kind in a directory, and all processes that it starts."""

    def __init__(self, words: list[str], runs: Path) -> None:
        self.marker = f"RANDOM_KILLS={runs}-{time.monotonic_ns()}".encode()
        name, value = self.marker.decode().split("=")
        command = [sys.executable, "-m", "reproduce", "run", *words, "--runs", str(runs)]
        with (runs / "output.txt").open("ab") as output:
            environment = {**os.environ, name: value}
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)

    def kill(self, number: signal.Signals) -> None:
        """Send a signal to the command; SIGKILL to all its processes, as when a machine fails."""
        if number != signal.SIGKILL:
            self.process.send_signal(number)
        while number == signal.SIGKILL and (found := self.processes()):
            for process in found:
                with suppress(ProcessLookupError):
                    os.kill(process, number)
        self.process.wait()

    def processes(self) -> list[int]:
        found = []
        for file in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):  # it has ended, or is another user's
                if self.marker in file.read_bytes().split(b"\0"):
                    found.append(int(file.parent.name))
        return found


def results(runs: Path) -> dict[str, tuple[str, str, str]]:
    """Digests of the weights, of the scores, and the metrics of all runs in a directory."""
    found = {}
    for file in runs.glob("*/metrics/*.json"):
        record = json.loads(file.read_text())
        metrics = {name: value for name, value in record.items() if isinstance(value, float) and name not in TIMES}
        digests = str(record.get("weights_digest")), str(record.get("predictions_sha256"))
        found[f"{file.parent.parent.name}/{file.stem}"] = (*digests, json.dumps(metrics))
    return found


TIMES = ("seconds", "device_hours", "waiting_share")


def folder(base: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=base))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    options = parser.parse_args()
    os.environ[PAPERS] = os.pathsep.join(str(ROOT / "tests" / name) for name in ("sixth_paper", "expert_paper"))
    draw, differences, base = random.Random(options.seed), 0, Path(tempfile.mkdtemp(prefix="random-kills-"))
    for number, kind in enumerate(options.kinds):
        kills, words, whole = len(range(number, options.kills, len(options.kinds))), KINDS[kind], folder(base)
        began = time.monotonic()
        if Command(words, whole).process.wait():
            raise SystemExit((whole / "output.txt").read_text())
        seconds, expected, left, runs = time.monotonic() - began, results(whole), kills, folder(base)
        print(f"{kind}: {len(expected)} results in {seconds:.0f} s without a kill", flush=True)
        while left:
            command, sent = Command(words, runs), draw.choice(SIGNALS)
            after = draw.uniform(0, seconds)
            with suppress(subprocess.TimeoutExpired):
                command.process.wait(after)
            if command.process.poll() is None:
                left -= 1
                command.kill(sent)
                print(f"{kind}: {sent.name} after {after:.1f} s", flush=True)
                if left:
                    continue
                Command(words, runs).process.wait()
            same = results(runs) == expected
            differences += not same
            print(f"{kind}: {'equal' if same else f'differs: {runs}'}", flush=True)
            runs = folder(base)
    print(f"{options.kills} kills, {differences} differences")
    return min(differences, 1)


if __name__ == "__main__":
    sys.exit(main())
