"""Curves of published trainings: `curves.csv` beside their results, a few kilobytes a run.

A line for each step with a point: the step, the seconds since the first point, and the value of each curve with one.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from reports.pages.tidy_frame import csv_text
from runner.machine.files import write_atomically
from runner.store.run_directory import RunDirectory

FILE = "curves.csv"
MOST_POINTS = 50  # of a published curve
GROUPS = ("train/", "val/")  # of curves that are published: the others are those of the machine


class Point(NamedTuple):
    step: int
    seconds: float
    """Since the first point of the training."""
    value: float


Curves = Mapping[str, list[Point]]  # by name


def curves_of(directory: RunDirectory) -> Curves:
    if directory.is_published:
        return published_curves(directory)
    return logged_curves(directory.tensorboard) if directory.tensorboard.exists() else {}


def publish_curves(directory: RunDirectory, published: RunDirectory) -> None:
    """Write the curves of a training made here beside its published results, unless there are some."""
    file = published.path / FILE
    if not file.exists() and (curves := curves_of(directory)):
        write_atomically(file, text_of({name: thinned(points) for name, points in curves.items()}))


def logged_curves(folder: Path) -> Curves:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    found = {name: events.Scalars(name) for name in sorted(events.Tags()["scalars"]) if name.startswith(GROUPS)}
    start = min((points[0].wall_time for points in found.values()), default=0.0)
    return {
        name: [Point(point.step, point.wall_time - start, point.value) for point in points]
        for name, points in found.items()
    }


def thinned(points: list[Point]) -> list[Point]:
    """At most `MOST_POINTS` of the points at equal distances, the last one among them."""
    number = min(len(points), MOST_POINTS)
    return [points[len(points) * end // number - 1] for end in range(1, number + 1)]


def text_of(curves: Curves) -> str:
    """Curves as CSV. Values have four digits."""
    lines: dict[int, dict[str, object]] = {}
    for name, points in curves.items():
        for step, seconds, value in points:
            lines.setdefault(step, {"step": step, "seconds": round(seconds)})[name] = f"{value:.4g}"
    header = ["step", "seconds", *curves]
    return csv_text(header, ([lines[step].get(name, "") for name in header] for step in sorted(lines)))


def published_curves(published: RunDirectory) -> Curves:
    curves: dict[str, list[Point]] = {}
    if (file := published.path / FILE).exists():
        for line in csv.DictReader(file.read_text(encoding="utf-8").splitlines()):
            for name in line:
                if name.startswith(GROUPS) and line[name]:
                    point = Point(int(line["step"]), float(line["seconds"]), float(line[name]))
                    curves.setdefault(name, []).append(point)
    return curves
