"""Time a training clip of each recipe, from the file to the pixels that cross to the device.

`python -m benchmarks pipeline VIDEO` reads the video as it is, from the copy that `reproduce prepare` makes, and as
1280 x 720, unprepared and prepared. Times are CPU time of one thread. The other checkout, e.g.
`git worktree add ../base COMMIT`, draws the same clips in turns with this one. So do the operations of the authors'
pipelines on decord, where that is installed, with clips of their own. Neither reads a prepared copy: a ratio compares
its unprepared video with ours.
"""

import argparse
import importlib.metadata
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
RECIPES = {
    "motionformer K400": "motionformer/table4:trajectory.k400",
    "motionformer SSv2": "motionformer/table4:trajectory.ssv2",
    "xvit K400": "xvit/main-summary:both.k400",
    "xvit SSv2": "xvit/main-summary:both.ssv2",
    "msca K400": "msca/table2:kv.top1",
    "cast K400": "cast/table2:cast.k400",
    "cast SSv2": "cast/table2:cast.ssv2",
    "cast EPIC": "cast/table2:cast.action",
}
CLIPS, TURNS = 3, 5
LARGE_HEIGHT, SHORT_SIDE = 720, 256
RELEASED, HAS_DECORD = "released", importlib.util.find_spec("decord") is not None
Reader = subprocess.Popen[str]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks pipeline", description=__doc__)
    parser.add_argument("video", type=Path, help="video of about ten seconds, e.g. one of 340 x 256 pixels")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="another checkout of this project")
    parser.add_argument("--save", type=Path, metavar="FILE", help="Markdown file for the table")
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.answer:
        answer()
        return 0
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        videos = copies(options.video, Path(folder))
        ours = stack.enter_context(reader(ROOT, options.video))
        other = stack.enter_context(reader(options.against, options.video)) if options.against else None
        rows = [[recipe, *cells(recipe, videos, ours, other)] for recipe in RECIPES]
    text = page(list(videos), rows, options)
    print(text)
    if options.save is not None:
        options.save.write_text(text)
    return 0


class Copies(NamedTuple):
    """A video and its prepared copy."""

    plain: Path
    prepared: Path


def copies(video: Path, folder: Path) -> Mapping[str, Copies]:
    """The video and a large one, each with its prepared copy, by their sizes in words."""
    from data.datasets.videos import VideoRecord
    from data.preparation.encoding import prepare

    large = folder / "large.mp4"
    size = enlarged(video, large)
    found = {size: Copies(video, folder / "a.mp4"), f"1280 x {LARGE_HEIGHT}": Copies(large, folder / "b.mp4")}
    for plain, prepared in found.values():
        prepare(VideoRecord(str(plain), 0, "video"), prepared, SHORT_SIDE)
    return found


def enlarged(video: Path, target: Path) -> str:
    """Write the video as H.264 with 1280 x 720 pixels; returns its own size in words."""
    import av

    with av.open(str(video)) as source, av.open(str(target), "w") as written:
        original = source.streams.video[0]
        stream = written.add_stream("libx264", rate=original.average_rate)
        stream.width, stream.height, stream.pix_fmt = 1280, LARGE_HEIGHT, "yuv420p"
        for frame in source.decode(original):
            written.mux(stream.encode(frame.reformat(1280, LARGE_HEIGHT, "yuv420p")))
        written.mux(stream.encode())
        return f"{original.width} x {original.height}"


@contextmanager
def reader(checkout: Path, video: Path) -> Iterator[Reader]:
    """Process that times clips with the code of a checkout."""
    searched = os.pathsep.join((str(checkout.resolve()), os.environ.get("PYTHONPATH", "")))
    environment = {**os.environ, "PYTHONPATH": searched, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).resolve()), str(video), "--answer"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=checkout
    ) as process:
        yield process


def answer() -> None:
    """Answer each line, whose pipeline, a recipe, a path and an epoch, with the CPU milliseconds of a clip."""
    for line in sys.stdin:
        whose, recipe, path, epoch = line.rstrip("\n").split("\t")
        timing = released if whose == RELEASED else timed
        print(timing(recipe, path, int(epoch)), flush=True)


def released(recipe: str, path: str, epoch: int) -> float:
    """CPU milliseconds of a training clip by the authors' operations."""
    from benchmarks.released_pipelines import clip

    return mean(lambda number: clip(recipe, path), epoch)


def timed(recipe: str, path: str, epoch: int) -> float:
    """CPU milliseconds of a training clip of a video."""
    from data.datasets.videos import VideoList, VideoRecord
    from data.items import Draw, collated
    from experiments.spec.catalog import find
    from experiments.spec.scales import PAPER
    from runner.store.jobs import jobs_of

    row, column = RECIPES[recipe].rsplit(".", 1)
    jobs = [job for job in jobs_of(find([row]), PAPER, [], (0,)) for cell in job.cells if cell.column == column]
    data = jobs[-1].run.data
    labels = tuple(0 for _ in data.targets.classes)
    # So many records share the memory for decoded frames that none is kept.
    record = VideoRecord(path, labels if len(labels) > 1 else 0, "video")
    items = data.train_items(VideoList(1000 * (record,), ()), seed=0)
    return mean(lambda number: collated([items[Draw(epoch, number)]]), epoch)


def mean(clip: Callable[[int], object], epoch: int) -> float:
    """Mean CPU milliseconds of the clips of an epoch, given a function of their number."""
    import torch

    torch.set_num_threads(1)
    if epoch == 0:
        clip(CLIPS)  # what the first clip imports is not timed
    start = time.process_time()
    for number in range(CLIPS):
        clip(number)
    return 1e3 * (time.process_time() - start) / CLIPS


def milliseconds(process: Reader, recipe: str, path: Path, epoch: int, whose: str = "") -> float:
    assert process.stdin is not None and process.stdout is not None
    print(whose, recipe, path, epoch, sep="\t", file=process.stdin, flush=True)
    return float(process.stdout.readline())


def cells(recipe: str, videos: Mapping[str, Copies], ours: Reader, other: Reader | None) -> list[str]:
    """Milliseconds of each pipeline and copy, and how many times as long the others take from the unprepared one."""
    found = []
    for copies in videos.values():
        turns = [
            [
                *((milliseconds(other, recipe, copies.plain, turn),) if other else ()),
                *((milliseconds(ours, recipe, copies.plain, turn, RELEASED),) if HAS_DECORD else ()),
                *(milliseconds(ours, recipe, path, turn) for path in copies),
            ]
            for turn in range(TURNS)
        ]
        num_others = len(turns[0]) - len(copies)
        for place in range(len(turns[0])):
            text = f"{statistics.median(turn[place] for turn in turns):.0f}"
            if place >= num_others:
                ratios = [statistics.median(turn[o] / turn[place] for turn in turns) for o in range(num_others)]
                text += f" ({', '.join(f'{ratio:.1f}' for ratio in ratios)})" if ratios else ""
            found.append(text)
    print(recipe, *found, file=sys.stderr)
    return found


def page(sizes: list[str], rows: list[list[str]], options: argparse.Namespace) -> str:
    """Markdown page of the table, with how it was measured."""
    from tabulate import tabulate

    from runner.store.provenance import commit, cores

    others = ["before"] * bool(options.against) + [RELEASED] * HAS_DECORD
    header = ["recipe", *(f"{size}: {kind}" for size in sizes for kind in (*others, "ours", "ours, prepared"))]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "av", "pillow"))
    before = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=options.against or ROOT, capture_output=True)
    facts = [
        f"- Median of {TURNS} turns of {CLIPS} clips; in brackets how many times as long {' and '.join(others)} took.",
        f"- {cores()}, one thread; commit {commit()}, before: {before.stdout.decode().strip()}; {versions}",
        f"- Video: {options.video.name}, enlarged to 1280 x {LARGE_HEIGHT} with x264's defaults; prepared: `prepare`",
        f"- {RELEASED}: the authors' operations in their order on decord (`benchmarks/released_pipelines.py`)",
    ]
    table = tabulate(rows, header, tablefmt="pipe", disable_numparse=True)
    return "\n\n".join(["# CPU milliseconds of a training clip", table, "\n".join(facts)]) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
