"""Decoding of a data set's items, with two files beside the runs: the outcomes, to go on from, and the bad files."""

import json
import sys
from collections.abc import Mapping, Sequence

from data.config import DataConfig, Split, VideoFacts
from data.errors import DecodeError
from data.inspection.bad_files import BadFiles, Stamp
from data.inspection.examination import Examination, Outcome
from data.inspection.inspection import Inspection, Need
from data.item_lists import ItemLists
from data.loaders import UnreadableItems
from data.worker_processes import available_cores
from runner.machine.files import read_json, write_atomically
from runner.machine.resources import Resources
from runner.store.store import RunStore

SAMPLE_SIZE = 16  # items of a split


class Decoding:
    """Decoding of the items of a data set.

    Args:
        deep: whether all items are decoded, or only some of each split.
    """

    def __init__(self, inspection: Inspection, store: RunStore, resources: Resources, *, deep: bool) -> None:
        self.inspection, self.resources, self.deep = inspection, resources, deep
        name = inspection.dataset.name
        self.bad_list, self.state = store.bad_files(name), store.examinations(name)
        self.known = {key: read_outcome(fields) for key, fields in (read_json(self.state) or {}).items()}

    def outcomes(self, split: Split) -> Sequence[Outcome]:
        """Outcomes of the items of a split whose files are there. Updates the list of bad files.

        Raises:
            StoreError: if a file beside the runs cannot be read or written.
        """
        inspection, files = self.inspection, self.inspection.files[split]
        present = [index for index in range(len(files)) if index not in inspection.missing[split]]
        examination = Examination(inspection.data, inspection.items[split], files, self.known)
        workers = available_cores() if self.resources.workers is None else self.resources.workers
        found = examination.outcomes(
            present if self.deep else sample(present, SAMPLE_SIZE),
            workers=workers,
            save=self.save,
            progress=sys.stderr.isatty(),
        )
        self.update_bad_files(examination, found)
        return list(found.values())

    def save(self) -> None:
        """Write the outcomes."""
        text = json.dumps({key: [*o.stamp, o.facts, o.name, o.reason] for key, o in self.known.items()})
        write_atomically(self.state, text)

    def update_bad_files(self, examination: Examination, found: Mapping[int, Outcome]) -> None:
        """Write the list of bad files: earlier entries of items that were not examined, and new ones."""
        listed = BadFiles.read(self.bad_list)
        examined = {examination.ids[index] for index in found}
        kept = [entry for entry in listed.entries.values() if entry.id not in examined]
        updated = BadFiles(self.bad_list, [*kept, *examination.bad_files(found)])
        if updated.entries:
            if updated.text() != listed.text():
                write_atomically(self.bad_list, updated.text())
        else:
            self.bad_list.unlink(missing_ok=True)


def check_validation(data: DataConfig, store: RunStore, resources: Resources, lists: ItemLists) -> None:
    """Decode all validation items and name the unreadable ones, which a training would meet after its first epoch.

    Raises:
        DataError: if there are more of them than accepted.
    """
    inspection = Inspection(Need(data=data, splits=("val",)), resources.root(data), lists)
    num_items = len(inspection.files["val"])
    unreadable = UnreadableItems("validation", num_items, resources.allow_bad, data.dataset.unit)
    outcomes = Decoding(inspection, store, resources, deep=True).outcomes("val")
    unreadable.add(*(DecodeError(outcome.name, outcome.reason) for outcome in outcomes if outcome.is_bad))


def read_outcome(fields: Sequence) -> Outcome:
    """Outcome as stored by `Decoding.save`."""
    num_bytes, modified, facts, name, reason = fields
    return Outcome(Stamp(num_bytes, modified), None if facts is None else VideoFacts(*facts), name, reason)


def sample(indices: Sequence[int], count: int) -> list[int]:
    """Up to `count` of the indices at even distances, the same ones each time."""
    number = min(count, len(indices))
    return [indices[place * len(indices) // number] for place in range(number)]
