"""Preparation of a copy of a data set: annotations as they are, and small videos where its readers find them."""

import filecmp
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from data.annotations import data_lines
from data.datasets.videos import VideoDataset, VideoRecord
from data.errors import DataError, DecodeError, MissingAnnotationError, shortened
from data.inspection.inspection import ALL_SPLITS, files_below
from data.preparation.encoding import CODEC, JPEG_QUALITY, OPTIONS, prepare, replacing
from data.worker_processes import worker_pool

VERSION = 1
ANNOTATIONS = (".csv", ".json", ".mat", ".pkl", ".skeleton", ".txt")
RECORD, UNREADABLE = "prepared.json", "unreadable.txt"

Targets = Mapping[str, VideoRecord]  # what is written, by its path below the folder of the copy


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Copy of the data set in the folder `root`, to be written to the folder `out`.

    `short_side`: that of larger pictures, in pixels.
    """

    reader: VideoDataset
    root: Path
    out: Path
    short_side: int

    def records(self) -> list[VideoRecord]:
        """Videos of all splits; a `DataError` without lists, or if a reader of the copy would not find a video."""
        found = listed(self.reader, self.root)
        for record in found:
            path = os.path.relpath(record.path, self.root)
            if path.startswith("..") or f"/{path}" in record.video_id:
                raise DataError(
                    f"{self.reader.name}: the listed path {shortened(record.video_id)} leads out of {self.root}; "
                    f"move the videos into this folder, and list paths relative to it, so that a copy has them, too"
                )
        return found

    def targets(self, records: Iterable[VideoRecord]) -> dict[str, VideoRecord]:
        """What is written for records: a part of a video where a reader takes a file of it, or the whole video."""
        found = {}
        for record in records:
            if segment := self.reader.segment_file(record):
                found[segment] = record
            else:
                found[os.path.relpath(record.path, self.root)] = record._replace(span=None)
        return found

    def write(self, targets: Targets, workers: int) -> dict[str, str]:
        """Write the annotations and what is missing of the targets. Returns why videos cannot be read, by target.

        Raises:
            DataError: if the folder holds a copy of other settings.
            PreparationError: if a file cannot be written.
        """
        self.save_record({})
        for path in files_below(self.root, ANNOTATIONS)[0]:
            copy_annotation(path, self.out / os.path.relpath(path, self.root))
        missing = [target for target in targets if not (self.out / target).exists()]
        done, total, reasons = len(targets) - len(missing), len(targets), dict[str, str]()
        with (
            tqdm(total=total, initial=done, desc=f"preparing {self.reader.name}", unit="video", disable=None) as bar,
            worker_pool(workers) as pool,
        ):
            started = {pool.submit(self.fault, targets[target], target): target for target in missing}
            for future in as_completed(started):
                bar.update()
                if (reason := future.result()) is not None:
                    reasons[started[future]] = reason
        self.save_unreadable(targets, reasons)
        self.save_record({"videos": total - len(reasons), "unreadable": len(reasons)})
        return reasons

    def fault(self, record: VideoRecord, target: str) -> str | None:
        """Write a video. Returns why it cannot be read, or None."""
        try:
            prepare(record, self.out / target, self.short_side)
        except DecodeError as error:
            return error.reason
        return None

    def save_record(self, counts: Mapping[str, int]) -> None:
        """Record what the copy is, and of what. Other settings than those of an earlier command are refused.

        `counts`: numbers of videos of this command.
        """
        settings = {
            "version": VERSION,
            "data": self.reader.name,
            "source": self.root.name,
            "short_side": self.short_side,
            "codec": CODEC,
            "options": OPTIONS,
            "jpeg_quality": JPEG_QUALITY,
        }
        path = self.out / RECORD
        earlier = json.loads(path.read_text()) if path.exists() else settings
        if other := [name for name, value in settings.items() if earlier.get(name) != value]:
            raise DataError(
                f"{path}: {other[0]} is {earlier.get(other[0])}, not {settings[other[0]]}; name another folder with "
                f"--out"
            )
        with replacing(path) as partial:
            partial.write_text(json.dumps({**settings, **counts}, indent=1) + "\n")

    def save_unreadable(self, targets: Targets, reasons: Mapping[str, str]) -> None:
        """Write the list of unreadable videos, with those of commands for other targets."""
        path = self.out / UNREADABLE
        with replacing(path) as partial:
            lines = path.read_text().splitlines() if path.exists() else []
            earlier = dict(line.split("\t", 1) for line in lines)
            unreadable = {target: reason for target, reason in earlier.items() if target not in targets}
            unreadable |= reasons
            path.unlink(missing_ok=True)
            if unreadable:
                partial.write_text("".join(f"{target}\t{reason}\n" for target, reason in sorted(unreadable.items())))


def listed(reader: VideoDataset, root: Path) -> list[VideoRecord]:
    """Videos of all splits. A split without annotations is left out, but not all of them."""
    found, errors = list[VideoRecord](), list[MissingAnnotationError]()
    for split in ALL_SPLITS:
        try:
            found += reader.build(root, split).records
        except MissingAnnotationError as error:
            errors.append(error)
    if not found:
        raise errors[0]
    return found


def named(records: Sequence[VideoRecord], file: Path) -> list[VideoRecord]:
    """Records whose ids a file lists, one a line; a `DataError` for other ids."""
    ids = {text: number for number, text in data_lines(file)}
    found = [record for record in records if record.video_id in ids]
    if unknown := ids.keys() - {record.video_id for record in found}:
        first = min(unknown, key=ids.__getitem__)
        known = f"the lists name e.g. {shortened(records[0].video_id)}"
        raise DataError(f"{file}:{ids[first]}: no list names a video {shortened(first)}; {known}")
    return found


def copy_annotation(path: str, target: Path) -> None:
    """Copy an annotation file unless that was done."""
    if target.exists() and filecmp.cmp(path, target):
        return
    with replacing(target) as partial:
        shutil.copy2(path, partial)
