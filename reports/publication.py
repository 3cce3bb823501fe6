"""Publication of results made here: each beside the published ones of the same run, and never over them."""

import json
from collections.abc import Iterable
from pathlib import Path

from experiments.spec.figure_runs import shown_runs
from reports.curves import publish_curves
from reports.pages.report import Report
from runner.machine.files import replacing, write_atomically
from runner.store.kept_pictures import publish_kept
from runner.store.published import fields_of, is_same, item_ids, items_file
from runner.store.records import seal_of, sealed
from runner.store.run_directory import BY, RunDirectory
from runner.store.store import RunStore, StoredTest


def publish(report: Report, store: RunStore, by: str = "") -> None:
    """Copy the small result files of a report that are not published yet, with the name of those who made them."""
    made = made_here(report)
    for test in tests_of(report):
        if test.file in made:
            publish_items(test, store)
    copies = {file: publish_file(directory, file, store, by) for file, directory in made.items()}
    beside = {made[file].train_id for file, copy in copies.items() if copy.name != file.name}
    # Curves and pictures are those of the first test.
    for directory in {one.path: one for one in made.values() if one.train_id not in beside}.values():
        publish_curves(directory, store.published(directory))
    for shown in shown_runs(report.table.figure, [cell.cell for cell in report.cells]):
        # Frames of real videos are never published.
        if shown.run.data.dataset.stand_in is not None and shown.run.train_id not in beside:
            publish_kept(shown, store)


def check_publishable(reports: Iterable[Report], store: RunStore, by: str) -> None:
    """Refuse results, before any is copied, if one of them cannot stand beside the published ones."""
    for report in reports:
        for file, directory in made_here(report).items():
            place_of_copy(directory, file, store, by)


def made_here(report: Report) -> dict[Path, RunDirectory]:
    """Files of the tests and measurements of a report that are not published, with their directories."""
    found = [*tests_of(report), *(cell.measurement for cell in report.cells if cell.measurement is not None)]
    return {one.file: one.directory for one in found if not one.directory.is_published}


def tests_of(report: Report) -> list[StoredTest]:
    return [result.test for cell in report.cells for result in cell.seeds if result.test is not None]


def publish_items(test: StoredTest, store: RunStore) -> None:
    """Write the list of the items of a test that is published, if they are known."""
    if ids := item_ids(test):
        write_atomically(items_file(test._replace(directory=store.published(test.directory))), "\n".join(ids) + "\n")


def publish_file(directory: RunDirectory, file: Path, store: RunStore, by: str = "") -> Path:
    """Copy a test or measurement made here, with the name of who made it and the config of its run."""
    place, config = place_of_copy(directory, file, store, by), store.published(directory).config
    if not is_same(place, file):
        named = sealed({**(fields_of(file) or {}), "by": by})
        write_atomically(place, json.dumps(named, indent=1) + "\n" if by else file.read_text())
    if directory.config.exists():
        with replacing(config) as partial:
            partial.write_bytes(directory.config.read_bytes())
    return place


def place_of_copy(directory: RunDirectory, file: Path, store: RunStore, by: str) -> Path:
    """Published file for a test or measurement made here. Another one than the published stands beside it.

    It is named after those who made it or else the start of its digest. A further one of the same name is refused.
    """
    first = store.published(directory).path / file.relative_to(directory.path)
    if fields_of(first) is None or is_same(first, file):
        return first
    named = first.with_name(f"{file.stem}{BY}{by or seal_of(fields_of(file) or {})[:8]}.json")
    place = next((path for path in first.parent.glob(f"{file.stem}{BY}*.json") if is_same(path, file)), named)
    if fields_of(place) is not None and not is_same(place, file):
        raise ValueError(f"--by {by}: {place} is another one; choose another name, or remove that file")
    return place
