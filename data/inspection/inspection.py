"""Inspection of a data set: layout, numbers of items, labels, missing and superfluous files, duplicates, videos."""

import os
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path

from data.config import DataConfig, Split
from data.datasets.folders import VIDEO_SUFFIXES
from data.datasets.videos import is_frame
from data.decoded_files import Decoded
from data.errors import DataError, allowed_number, number_of, shortened
from data.file_sizes import sizes_of
from data.inspection.findings import Finding, Severity
from data.item_lists import ItemLists
from data.labels import ItemList

ALL_SPLITS: tuple[Split, ...] = ("train", "val", "test")
FPS_TOLERANCE = 0.5
SMALL_SIDE = 340  # copies with a short side of 256 or 320 exist in most places: they are read as they are
PREPARED_SIDE = 256  # of a copy by `reproduce prepare`
FRAME_BYTES = 4_400  # of its frames, the mean of two real clips


@dataclass(frozen=True, kw_only=True)
class Need:
    """What runs need of a data set."""

    data: DataConfig
    splits: tuple[Split, ...]
    allow_bad: int | None = None
    """Accepted number of unreadable items of a split; None for 1 %."""
    short_side: int | None = None
    """Short side to which the videos are resized in the test; None if they are not."""


class Inspection:
    """Inspection of a data set in a folder, without opening its videos."""

    def __init__(self, need: Need, root: Path, lists: ItemLists) -> None:
        self.need, self.data, self.lists = need, need.data, lists
        self.dataset = need.data.dataset
        self.root = Path(os.path.abspath(root.expanduser()))
        self.errors: list[DataError] = []
        self.items: dict[Split, ItemList] = {}
        for split in need.splits:
            try:
                self.items[split] = lists.items(self.data, split)
            except DataError as error:
                self.errors.append(error)

    @cached_property
    def files(self) -> Mapping[Split, Sequence[tuple[str, ...]]]:
        """Files of the items of each split; none for items that are not stored in files."""
        found: dict[Split, Sequence[tuple[str, ...]]] = {}
        for split, items in self.items.items():
            if (files := self.data.files(items)) is not None:
                found[split] = files
        return found

    def findings(self) -> Iterator[Finding]:
        errors = (Finding.of_error(self.dataset.name, error) for error in self.errors)
        yield from dict.fromkeys(errors)  # a missing folder is the error of each split
        videos, unreadable = files_below(self.root, VIDEO_SUFFIXES) if self.root.exists() else ([], [])
        if unreadable:
            number = number_of(len(unreadable), "folders")
            yield self.finding("error", f"{number} cannot be listed, e.g. {min(unreadable)}", "check the rights")
        for split, items in self.items.items():
            yield self.count(split, items)
        yield from self.labels()
        yield from self.shared_between_splits()
        for split in self.files:
            yield from self.presence(split)
        if self.files:
            yield self.superfluous(videos)

    def count(self, split: Split, items: ItemList) -> Finding:
        official, unit = self.dataset.exact_size(split), f"{split} {self.dataset.unit}"
        if official is None:
            return self.finding("ok", f"{number_of(len(items), unit)} listed in {self.root}")
        if len(items) == official:
            return self.finding("ok", f"{number_of(len(items), unit)} listed in {self.root}, as officially")
        share = 100 * len(items) / official
        return self.finding(
            "warning",
            f"{number_of(len(items), unit)} listed, officially {official:,} ({share:.2f} %)",
            "check that the annotation file is complete; reports state the number beside the official one",
        )

    def labels(self) -> Iterator[Finding]:
        """Names of the classes, their order, and classes without items."""
        if not self.items or not self.dataset.targets.classes:
            return
        numbered = {*self.dataset.targets.numbered_names}
        names = {split: items.class_names for split, items in self.items.items()}
        first, known = next(iter(names.items()))
        for split, others in names.items():
            for label, (one, other) in enumerate(zip(known, others, strict=False)):
                if one != other and not {one, other} & numbered:
                    yield self.finding(
                        "error",
                        f"class {label} is '{shortened(one)}' in {first} and '{shortened(other)}' in {split}",
                        "use annotation files of one release",
                    )
                    break
        unnamed = sorted(set(known) & numbered)
        remedy = f"put {' and '.join(self.dataset.class_files)} into {self.root}" if self.dataset.class_files else ""
        if unnamed:
            yield self.finding(
                "warning", f"{len(unnamed)} of {len(known)} classes have no name, e.g. '{unnamed[0]}'", remedy
            )
        plain = [name.replace("_", " ") for name in known]
        wrong = next((label for label, (one, two) in enumerate(pairwise(plain)) if one > two), None)
        if not unnamed and self.dataset.alphabetical and wrong is not None:
            yield self.finding(
                "warning",
                f"labels are not in the alphabetical order of the names: {wrong} is '{shortened(known[wrong])}', "
                f"{wrong + 1} is '{shortened(known[wrong + 1])}'",
                "released weights use that order: number the classes by it, or test no released weights",
            )
        elif not unnamed:
            yield self.finding("ok", f"all {len(known)} classes have names")
        yield from self.empty_classes()

    def empty_classes(self) -> Iterator[Finding]:
        """Classes without items, for each split and kind of label."""
        for split, items in self.items.items():
            labels = [items.label(index) for index in range(len(items))]
            for place, (kind, count) in enumerate(self.dataset.targets.classes.items()):
                seen = Counter(label[place] if isinstance(label, tuple) else label for label in labels)
                empty = [number for number in range(count) if number not in seen]
                if empty:
                    yield self.finding(
                        "warning",
                        f"{len(empty)} of {count} {kind} labels have no {split} {self.dataset.unit}, e.g. {empty[0]}",
                        "check that the annotation file is complete and numbers classes from 0",
                    )

    def shared_between_splits(self) -> Iterator[Finding]:
        """Items, by id or file, that are in the training split and in the test split."""
        if not self.items.keys() >= {"train", "test"}:
            return
        shared = sorted(set(self.items["train"].ids) & set(self.items["test"].ids))
        if not shared and self.files.keys() >= {"train", "test"}:
            train, test = (Counter(chain.from_iterable(self.files[split])) for split in ("train", "test"))
            # Segments of one video share its file.
            shared = sorted(path for path in train.keys() & test.keys() if train[path] == test[path] == 1)
        if shared:
            yield self.finding(
                "warning",
                f"{number_of(len(shared), self.dataset.unit)} in the training and in the test split, "
                f"e.g. {shortened(shared[0])}",
                "remove them from the training list: a test must not contain training items",
            )
        else:
            yield self.finding("ok", f"no {self.dataset.unit.removesuffix('s')} is listed twice, or in both splits")

    def presence(self, split: Split) -> Iterator[Finding]:
        """Missing and empty files of a split."""
        files, missing, unit = self.files[split], self.lists.missing(self.data, split), self.dataset.unit
        allowed = allowed_number(len(files), self.need.allow_bad)
        if count := len(missing.indices):
            yield self.finding(
                "error" if count > allowed else "warning",
                f"{count:,} of {len(files):,} {split} {unit} are missing, e.g. {shortened(str(missing.example))}; "
                f"a run accepts {allowed:,}",
                f"get them, or raise the limit with --allow-bad {count}",
            )
        else:
            yield self.finding("ok", f"all files of the {number_of(len(files), f'{split} {unit}')} are there")
        paths = list(chain.from_iterable(files))
        empty = [path for path, size in zip(paths, sizes_of(paths), strict=True) if size == 0]
        if empty:
            number = number_of(len(empty), f"{split} files")
            yield self.finding("warning", f"{number} of 0 bytes, e.g. {shortened(empty[0])}", "get them again")

    def superfluous(self, videos: Sequence[str]) -> Finding:
        """Video files that no list names."""
        listed: set[str] = set()
        for split in ALL_SPLITS:
            try:
                items = self.lists.items(self.data, split)
                listed |= {path for of_item in self.data.files(items) or () for path in of_item}
            except DataError:
                continue  # a split that no run needs
        extra = sorted(path.removeprefix(f"{self.root}/") for path in videos if path not in listed)
        if not extra:
            return self.finding("ok", "every video file is in a list")
        return self.finding(
            "warning",
            f"{number_of(len(extra), 'video files')} in no list, e.g. {shortened(extra[0])}",
            "no run reads them; add them to a list or remove them",
        )

    def finding(self, severity: Severity, what: str, remedy: str = "") -> Finding:
        return Finding(severity, self.dataset.name, what, remedy)


def files_below(root: Path, suffixes: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Paths of the files of some kinds below a folder, and of folders that cannot be listed. Links are followed.

    Folders of the frames of a video are left out: EPIC-Kitchens has 20 million of them.
    """
    found: list[str] = []
    unreadable: list[str] = []
    visited: set[str] = set()  # a link may lead to a folder above it
    folders = [str(root)]
    for folder in folders:
        if (own := os.path.realpath(folder)) in visited:
            continue
        visited.add(own)
        below, files = [], []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir():
                        below.append(entry.path)
                    elif is_frame(entry.name):
                        break
                    elif entry.name.lower().endswith(suffixes) and entry.is_file():
                        files.append(entry.path)
                else:
                    folders += sorted(below)
                    found += files
        except OSError:
            unreadable.append(folder)
    return found, unreadable


def video_findings(
    inspection: Inspection, split: Split, outcomes: Sequence[Decoded], listed_in: Path
) -> Iterator[Finding]:
    """Findings on the decoded videos of a split, which the file `listed_in` lists."""
    need, unit = inspection.need, inspection.dataset.unit
    count, bad = number_of(len(outcomes), f"{split} {unit}"), [outcome for outcome in outcomes if outcome.reason]
    if bad:
        unreadable = len(bad) + len(inspection.lists.missing(inspection.data, split).indices)
        num_items = len(inspection.items[split])
        allowed = allowed_number(num_items, need.allow_bad)
        with_missing = f"{unreadable:,} of {num_items:,}, with those missing,"
        limit = f", and {with_missing} are more than the {allowed:,} that a run accepts (--allow-bad N)"
        yield inspection.finding(
            "error" if unreadable > allowed else "warning",
            f"{len(bad):,} of {count} cannot be decoded, e.g. {shortened(bad[0].name)}: {shortened(bad[0].reason)}",
            f"get them again; until then they count as failed, because they are listed in {listed_in}"
            f"{limit if unreadable > allowed else ''}",
        )
    elif outcomes:
        yield inspection.finding("ok", f"{count} decoded")
    facts = [outcome.facts for outcome in outcomes if outcome.facts is not None]
    if not facts:
        return
    sides = [fact.short_side for fact in facts]
    below = sum(side < (need.short_side or 0) for side in sides)
    text = f"{split}: short sides {spread(sides)}"
    if below:
        yield inspection.finding(
            "warning",
            f"{text}; {below:,} of {len(sides):,} are below the {need.short_side} of the test",
            f"they are enlarged; get {unit} with a short side of {need.short_side} or more",
        )
    else:
        yield inspection.finding(
            "ok", text + (f"; none is below the {need.short_side} of the test" if need.short_side else "")
        )
    if (middle := statistics.median(sides)) > SMALL_SIDE:
        num_bytes = FRAME_BYTES * statistics.mean(fact.frames for fact in facts) * len(inspection.items[split])
        yield inspection.finding(
            "ok",
            f"{split}: frames have {(middle / PREPARED_SIDE) ** 2:.0f} times the pixels that a copy of short side "
            f"{PREPARED_SIDE} has, and reading takes as much longer",
            f"`reproduce prepare {inspection.dataset.name}` writes one, of about {num_bytes / 1e9:,.1f} GB",
        )
    rates, expected = [fact.fps for fact in facts], need.data.expected_fps
    other = sum(abs(rate - expected) > FPS_TOLERANCE for rate in rates) if expected else 0
    note = f"; {other:,} of {len(rates):,} differ from {expected}: clips are sampled by time" if other else ""
    yield inspection.finding("ok", f"{split}: frames per second {spread(rates)}{note}")


def spread(values: Sequence[float]) -> str:
    """Least, median and largest value."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{low:.5g}" if low == high else f"{low:.5g} to {high:.5g}, median {middle:.5g}"
