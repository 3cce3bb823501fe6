"""Cache of generated data sets that replace real ones. Each is written once.

Files are written under a lock into a temporary folder. The folder is renamed after the last file. If a process is
killed, the next one keeps the complete parts of data sets that name their last files in advance.
"""

import dataclasses
import hashlib
import json
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from filelock import FileLock
from tqdm import tqdm

from data.worker_processes import available_cores, worker_pool
from interface.ranges import CheckedConfig, Count, CountOrZero

PARTS_PER_JOB = 8
PARTS_IN_ESTIMATE = 4
FIELD = "data.dataset.stand_in"  # full name of a stand-in in messages
# Digests of the code of each class at version 1, of which folders and records were named before versions alone counted.
EARLIER_DIGESTS = {
    "AanStandIn": "206bcb27085c7208",
    "CategorisedEpic100StandIn": "00af359b7b993d12",
    "Cifar10StandIn": "46741170c67a959c",
    "DavisStandIn": "dab004be954fec2d",
    "Epic100StandIn": "033fbc5f7b6876f8",
    "FineGymStandIn": "6792c5f9cc6568e8",
    "ImdbStandIn": "24701d3f0346bc5e",
    "KineticsStandIn": "400b6a9d5087b834",
    "ListOpsStandIn": "047ebb2763096e79",
    "NtuStandIn": "a68978a6aa2881c2",
    "PathfinderStandIn": "d168de073ac8883b",
    "PennActionStandIn": "b0ff3db08cd4972c",
    "SSv2StandIn": "c7c270dc69ed3aa3",
}


@dataclass(frozen=True, kw_only=True)
class StandIn(CheckedConfig, ABC):
    """Generated data set, recognised by its class and its fields, which determine its files up to their encoding.

    Args:
        version: incremented when the code generates other items from the same fields. It is part of ids: results of
            an earlier version count no longer.
        seed: seed of all randomness.
        num_train, num_val: numbers of items of the two splits. With 1,000 test items, of which two models get 30 %
            right one without the other, a difference of five points is found in 4 of 5 repetitions.
    """

    config_path: ClassVar[str] = FIELD
    name: ClassVar[str]
    """Name of the data set that is replaced."""

    version: Count = 1
    seed: CountOrZero = 0
    num_train: CountOrZero = 0
    num_val: CountOrZero = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check()

    def check(self) -> None:
        """Reject settings that exclude each other.

        Raises:
            ValueError: with the field.
        """

    def annotations(self) -> Mapping[str, str | bytes]:
        """Annotation files of all parts by path below the root. By default, there are none."""
        return {}

    @abstractmethod
    def parts(self) -> Sequence[object]:
        """Units of work for the processes, e.g. one per video. Each can be pickled."""

    @abstractmethod
    def files(self, part: object) -> Iterator[tuple[Path, bytes]]:
        """Files of a unit of work with their paths below the root."""

    def last_file(self, part: object) -> Path | None:
        """Path of the last file of a unit of work, which is complete if that file is there; None if it is unknown."""
        return None

    def finish(self, root: Path) -> None:
        """Last step, in the folder of all files."""

    def estimated_bytes(self) -> int:
        """Estimated size of all files, from a few of the parts."""
        parts = self.parts()
        sample = parts[:: -(-len(parts) // PARTS_IN_ESTIMATE) or 1]
        sampled = sum(len(content) for part in sample for _, content in self.files(part))
        annotations = sum(len(content) for content in self.annotations().values())
        return annotations + round(sampled * len(parts) / max(len(sample), 1))

    @property
    def is_original(self) -> bool:
        """Whether the published data set was generated in the same way and size, so that this one replaces nothing."""
        return False


class StandInError(OSError):
    """Stand-in data set that cannot be written."""


def default_cache() -> Path:
    """Default cache folder: `$STAND_IN_CACHE`, else a folder in the user's cache, `$XDG_CACHE_HOME` or ~/.cache."""
    user_cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("STAND_IN_CACHE") or Path(user_cache, "video-stand-ins"))


def ensure(stand_in: StandIn, cache: Path | None = None, *, progress: bool = True, workers: int | None = None) -> Path:
    """Root of a stand-in data set, which is generated if it is not in the cache.

    Args:
        cache: folder of all stand-ins; `default_cache()` if None.
        workers: number of rendering processes; the number of cores if None, only this process if 0.

    Raises:
        StandInError: if the cache cannot be written.
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
                if not keeps_parts(stand_in):
                    shutil.rmtree(partial, ignore_errors=True)  # left by a killed process
                partial.mkdir(exist_ok=True)
                write(stand_in, partial, progress, workers)
                stand_in.finish(partial)
                partial.rename(root)
    except OSError as error:
        raise StandInError(
            f"the {stand_in.name} stand-in cannot be written to {cache} ({error.strerror or error}); "
            f"name another folder with STAND_IN_CACHE"
        ) from error
    return root


def generated_root(stand_in: StandIn, cache: Path | None = None) -> Path | None:
    """Root of a stand-in data set; None if it is not in the cache."""
    root = (default_cache() if cache is None else cache) / folder_name(stand_in)
    return root if root.is_dir() else None


def bytes_to_generate(stand_in: StandIn, cache: Path | None = None) -> int:
    """Estimated size of the files of a stand-in that is not in the cache; 0 if it is there."""
    return 0 if generated_root(stand_in, cache) is not None else stand_in.estimated_bytes()


def folder_name(stand_in: StandIn) -> str:
    """Data set, version, and a hash of class, fields and version: different files have different folders."""
    values = {field: getattr(stand_in, field.name) for field in dataclasses.fields(stand_in)}
    kept = {f.name: v for f, v in values.items() if not ("omit_if" in f.metadata and v == f.metadata["omit_if"])}
    text = json.dumps({"class": type(stand_in).__qualname__, **kept}, sort_keys=True)
    earlier = earlier_digest(stand_in)
    digest = hashlib.sha256((f"{text} {earlier}" if earlier else text).encode()).hexdigest()
    return f"{stand_in.name}-v{stand_in.version}-{digest[:10]}"


def earlier_digest(stand_in: StandIn) -> str | None:
    """Digest of the code in the folder name and the records of a stand-in that is as old as that; None for others."""
    return EARLIER_DIGESTS.get(type(stand_in).__qualname__) if stand_in.version == 1 else None


def write(stand_in: StandIn, root: Path, progress: bool, workers: int | None) -> None:
    """Write the annotations and all other files into an empty folder."""
    for name, content in stand_in.annotations().items():
        write_file(root / name, content.encode() if isinstance(content, str) else content)
    parts = stand_in.parts()
    missing = [part for part in parts if not is_complete(stand_in, root, part)]
    jobs = [missing[start : start + PARTS_PER_JOB] for start in range(0, len(missing), PARTS_PER_JOB)]
    workers = available_cores() if workers is None else workers
    what = stand_in.name if stand_in.is_original else f"the {stand_in.name} stand-in"
    total, done = len(parts), len(parts) - len(missing)
    with tqdm(total=total, initial=done, desc=f"making {what}", unit="item", disable=not progress) as bar:
        if workers == 0:
            for job in jobs:
                bar.update(write_parts(stand_in, root, job))
            return
        with worker_pool(workers) as pool:  # they use only numpy and PyAV
            for job_result in as_completed([pool.submit(write_parts, stand_in, root, job) for job in jobs]):
                bar.update(job_result.result())


def keeps_parts(stand_in: StandIn) -> bool:
    """Whether the parts that a killed process has completed are known, so that they are kept."""
    return any(stand_in.last_file(part) is not None for part in stand_in.parts()[:1])


def is_complete(stand_in: StandIn, root: Path, part: object) -> bool:
    """Whether a killed process has written all files of a part."""
    last = stand_in.last_file(part)
    return last is not None and (root / last).is_file()


def write_parts(stand_in: StandIn, root: Path, parts: Sequence[object]) -> int:
    """Write the files of some parts. Returns the number of parts."""
    for part in parts:
        for path, content in stand_in.files(part):
            write_file(root / path, content)
    return len(parts)


def write_file(path: Path, content: bytes) -> None:
    """Write a file, which appears when it is complete. Its folder is created first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.rename(path)
