"""Speed of reading training clips: of one core by stage, and of the workers of a device; and that of training steps.

The stages of every second clip are what cProfile attributes to the functions that read it.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from cProfile import Profile
from pathlib import Path
from typing import NamedTuple

import torch

from data.clips import RandomClips
from data.config import DataConfig
from data.errors import number_of
from data.items import Draw, TrainItems, collated
from data.labels import ItemList
from data.loaders import EpochBatches, data_loader, random_order, shut_down, started
from data.transforms.pixels import resized
from data.video.decode import VideoFile
from data.video.frame_sources import FrameFolder
from experiments.spec.run import RunConfig
from runner.measure.memory import peak_memory, training_step
from runner.store.provenance import cores

SECONDS, CLIPS = 15, 100  # limits of the measurements: of each in time, and of that of a core in clips
BATCHES = 4  # of each worker, at least
UNTIMED = 2  # first clips of a process, which imports


class ReadingSpeed(NamedTuple):
    """Fields of a record: how fast the training items of a data set are read."""

    milliseconds: dict[str, float]
    """Of an item on one core: all of them, and by stage."""
    workers: int
    read_per_second: float
    """Items of all workers or, without workers, of one core."""
    cores: str
    root: str
    copy: str
    device_jitter: bool

    def text(self, data: DataConfig) -> str:
        """Speeds of one core, by stage, and of the workers."""
        (_, whole), *parts = self.milliseconds.items()
        unit, stages = data.dataset.unit, ", ".join(f"{name} {part:.1f}" for name, part in parts)
        text = f"{data.dataset.name} in {self.root}: {1e3 / whole:.3g} {unit}/s a core, {whole:.1f} ms each ({stages})"
        workers = number_of(self.workers, "workers")
        return f"{text}; {self.read_per_second:.3g} {unit}/s with {workers}" if self.workers else text


def reading_speed(
    data: DataConfig, items: ItemList, workers: int, batch_size: int, root: Path, device_jitter: bool = False
) -> ReadingSpeed:
    """Speed of one core, and of so many workers."""
    clips = data.train_items(items, seed=0)
    if device_jitter:
        data.leave_jitter(clips)
    batches = EpochBatches(len(clips), batch_size, seed=0)
    stages = core_milliseconds(clips, random_order(len(clips), seed=0, epoch=0))
    rate = workers_rate(clips, batches, workers) if workers else 1e3 / stages["all"]
    return ReadingSpeed(stages, workers, rate, cores(), str(root.resolve()), data.copy_text(items), device_jitter)


def core_milliseconds(clips: TrainItems, order: list[int]) -> dict[str, float]:
    """Milliseconds of a clip, without profiling, and its parts by stage, of the clips at these places."""
    seconds, profile = list[float](), Profile()
    order = order * math.ceil((UNTIMED + 2) / len(order))  # one clip is timed and one profiled, at least
    with one_thread():
        started_at = time.monotonic()
        for number, place in enumerate(order[: UNTIMED + 2 * CLIPS]):
            if number >= UNTIMED and number % 2:
                profile.runcall(lambda place=place: collated([clips[Draw(0, place)]]))
            else:
                start = time.perf_counter()
                collated([clips[Draw(0, place)]])
                seconds += [time.perf_counter() - start] if number >= UNTIMED else []
            if time.monotonic() - started_at > SECONDS and number > UNTIMED:
                break
    parts = stages(profile)
    whole = 1e3 * statistics.fmean(seconds)
    return {"all": whole} | {name: whole * part / sum(parts.values()) for name, part in parts.items()}


def stages(profile: Profile) -> dict[str, float]:
    """Seconds of each stage. Items that are no clips of videos have the last two."""
    seconds = {entry.code: entry.totaltime for entry in profile.getstats()}

    def of(*functions: Callable) -> float:
        return sum(seconds.get(function.__code__, 0.0) for function in functions)

    clip, sampled, image = of(RandomClips.__call__), of(RandomClips.sampled), of(VideoFile.image)
    frames, scaled, batch = of(VideoFile.frames, FrameFolder.frames), of(resized), of(collated)
    found = {
        "open": sampled - frames,
        "decode": frames - image,
        "convert": image,
        "scale": scaled,
        "augment": clip - sampled - scaled,
        "collate": batch,
        "rest": of(TrainItems.__getitem__) - clip,
    }
    return {name: value for name, value in found.items() if value > 0}


def workers_rate(clips: TrainItems, batches: EpochBatches, workers: int) -> float:
    """Clips per second of workers that nothing else keeps waiting, after the first batch of each.

    A small data set is read in so many epochs that each worker has several batches.
    """
    chosen = list[list[Draw]]()
    while len(chosen) < BATCHES * workers:
        batches.set_epoch(batches.epoch + 1)
        chosen += batches
    loader = data_loader(clips, workers, collated, batch_sampler=chosen)
    num_clips, since = 0, time.monotonic()
    try:
        for number, (batch, _) in enumerate(started(loader)):
            num_clips += len(batch.targets)
            if number < workers:
                num_clips, since = 0, time.monotonic()
            elif time.monotonic() - since > SECONDS:
                break
        return num_clips / (time.monotonic() - since)
    finally:
        shut_down(loader)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch, as in the processes that load data."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def step_seconds(run: RunConfig, batch_size: int) -> dict[str, object]:
    """Seconds of a training step on this device, as the field of a record; none if it does not fit into the memory."""
    if torch.cuda.is_available():
        return {name: value for name, value in peak_memory(run, batch_size).items() if name == "step_seconds"}
    step, seconds = training_step(run, batch_size, torch.device("cpu")), list[float]()
    for _ in range(2):  # the first one is slower
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return {"step_seconds": seconds[-1]}
