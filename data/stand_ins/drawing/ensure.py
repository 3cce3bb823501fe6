"""Generation of the files of stand-ins into a cache, each once.

Files are written under a lease into a temporary folder. The folder is renamed after the last file. If a process is
killed, the next one keeps the complete parts of data sets that name their last files in advance.
"""

from collections.abc import Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from data.leases import check_held, lease
from data.stand_ins.drawing.base import Drawing
from data.stand_ins.stand_in import StandIn, default_cache, folder_name
from data.worker_processes import available_cores, worker_pool

S = TypeVar("S", bound=StandIn)
Part = TypeVar("Part")

PARTS_PER_JOB = 8


class StandInError(OSError):
    """Stand-in data set that cannot be written."""


def ensure(
    drawing: Drawing[S, Part], cache: Path | None = None, *, progress: bool = True, workers: int | None = None
) -> Path:
    """Root of a stand-in data set, which is generated if it is not in the cache.

    Args:
        cache: folder of all stand-ins; `default_cache()` if None.
        workers: number of rendering processes; the number of cores if None, only this process if 0.

    Raises:
        StandInError: if the cache cannot be written.
    """
    cache = default_cache() if cache is None else cache
    root = cache / folder_name(drawing.settings)
    if root.is_dir():
        return root
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with lease(cache / f"{root.name}.lease"):
            if not root.is_dir():
                partial = cache / f"{root.name}.partial"
                partial.mkdir(exist_ok=True)
                write(drawing, partial, progress, workers)
                drawing.finish(partial)
                check_held()
                partial.rename(root)
    except OSError as error:
        raise StandInError(
            f"the {drawing.settings.name} stand-in cannot be written to {cache} ({error.strerror or error}); "
            f"name another folder with STAND_IN_CACHE"
        ) from error
    return root


def write(drawing: Drawing[S, Part], root: Path, progress: bool, workers: int | None) -> None:
    """Write the annotations, and all other files that a killed process has not completed."""
    for name, content in drawing.annotations().items():
        write_file(root / name, content.encode() if isinstance(content, str) else content)
    parts = drawing.parts()
    missing = [part for part in parts if (last := drawing.last_file(part)) is None or not (root / last).is_file()]
    jobs = [missing[start : start + PARTS_PER_JOB] for start in range(0, len(missing), PARTS_PER_JOB)]
    workers = available_cores() if workers is None else workers
    settings, total, done = drawing.settings, len(parts), len(parts) - len(missing)
    what = settings.name if settings.is_original else f"the {settings.name} stand-in"
    with tqdm(total=total, initial=done, desc=f"making {what}", unit="item", disable=not progress) as bar:
        if workers == 0:
            for job in jobs:
                bar.update(write_parts(drawing, root, job))
            return
        with worker_pool(workers) as pool:  # they use only numpy and PyAV
            for job_result in as_completed([pool.submit(write_parts, drawing, root, job) for job in jobs]):
                bar.update(job_result.result())


def write_parts(drawing: Drawing[S, Part], root: Path, parts: Sequence[Part]) -> int:
    """Write the files of some parts. Returns the number of parts."""
    for part in parts:
        for path, content in drawing.files(part):
            write_file(root / path, content)
    return len(parts)


def write_file(path: Path, content: bytes) -> None:
    """Write a file, which appears when it is complete. Its folder is created first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.rename(path)
