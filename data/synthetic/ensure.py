"""Makes a stand-in data set once: under a lock, in a folder beside its own, renamed when the last file is written."""

import dataclasses
import functools
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

from filelock import FileLock
from tqdm import tqdm

VIDEOS_PER_JOB = 8


class Video(NamedTuple):
    """One video to make; `seed` decides all that is random in it."""

    split: str
    video_id: str
    label: int
    seed: tuple[int, ...]


class StandIn(Protocol):
    """A frozen dataclass whose fields decide every pixel of a generated data set."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field]]

    @property
    def name(self) -> str:
        """The data set that it stands in for."""
        ...

    @property
    def version(self) -> int:
        """Goes up when the code makes other pixels of the same fields."""
        ...

    def videos(self) -> list[Video]:
        """Every video of every split."""
        ...

    def path(self, video: Video) -> Path:
        """Where a video lies below the root."""
        ...

    def encoded(self, video: Video) -> bytes:
        """The video file."""
        ...

    def annotations(self) -> dict[str, str]:
        """The annotation files, by name."""
        ...


class StandInError(OSError):
    """A stand-in data set could not be written."""


def default_cache() -> Path:
    """`$STAND_IN_CACHE`, else a folder of the user's cache."""
    return Path(os.environ.get("STAND_IN_CACHE") or Path.home() / ".cache" / "video-stand-ins")


def ensure(stand_in: StandIn, cache: Path | None = None, *, progress: bool = True, workers: int | None = None) -> Path:
    """The root of a stand-in data set, made first if it is not there.

    Args:
        cache: folder of all stand-ins; `default_cache()` if None.
        workers: processes that render; as many as there are cores if None, none but this one if 0.

    Raises:
        StandInError: when the cache cannot be written.
    """
    cache = default_cache() if cache is None else cache
    root = cache / folder_name(stand_in)
    if root.is_dir():
        return root
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{root.name}.lock"):
            if not root.is_dir():
                partial = cache / f"{root.name}.partial"
                shutil.rmtree(partial, ignore_errors=True)  # what a killed process has left
                partial.mkdir()
                write(stand_in, partial, progress, workers)
                partial.rename(root)
    except OSError as error:
        raise StandInError(
            f"the {stand_in.name} stand-in cannot be written to {cache} ({error.strerror or error}); "
            f"name another folder with STAND_IN_CACHE"
        ) from error
    return root


def folder_name(stand_in: StandIn) -> str:
    """Data set, version and a hash of every field and of the code: other pixels lie in another folder."""
    fields = json.dumps({"class": type(stand_in).__qualname__, **dataclasses.asdict(stand_in)}, sort_keys=True)
    made_by = hashlib.sha256(fields.encode() + generator()).hexdigest()
    return f"{stand_in.name}-v{stand_in.version}-{made_by[:10]}"


@functools.cache
def generator() -> bytes:
    """A hash of the code that makes the pixels, so that a cache never serves videos of other code."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).digest()


def write(stand_in: StandIn, root: Path, progress: bool, workers: int | None) -> None:
    """Fill an empty folder with annotations and videos."""
    for name, text in stand_in.annotations().items():
        (root / name).write_text(text, encoding="utf-8")
    videos = stand_in.videos()
    for folder in {(root / stand_in.path(video)).parent for video in videos}:
        folder.mkdir(parents=True, exist_ok=True)
    jobs = [videos[start : start + VIDEOS_PER_JOB] for start in range(0, len(videos), VIDEOS_PER_JOB)]
    workers = len(os.sched_getaffinity(0)) if workers is None else workers
    with tqdm(
        total=len(videos), desc=f"making the {stand_in.name} stand-in", unit="video", disable=not progress
    ) as bar:
        if workers == 0:
            for job in jobs:
                bar.update(write_videos(stand_in, root, job))
            return
        # A fork needs no second import of whatever the main module imports; the children use numpy and PyAV only.
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        pool = ProcessPoolExecutor(workers, context, initializer=follow, initargs=(os.getpid(),))
        try:
            for done in as_completed([pool.submit(write_videos, stand_in, root, job) for job in jobs]):
                bar.update(done.result())
        finally:
            pool.shutdown(cancel_futures=True)


def write_videos(stand_in: StandIn, root: Path, videos: list[Video]) -> int:
    """Write some videos and say how many."""
    for video in videos:
        (root / stand_in.path(video)).write_bytes(stand_in.encoded(video))
    return len(videos)


def follow(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end when it has ended, however it did."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
