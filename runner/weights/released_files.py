"""Released files of papers: their rows, and where they are on this machine."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from experiments.spec.catalog import find, load, names_matching, released_weights
from experiments.spec.scales import PAPER
from models.imagenet import weights_folder
from runner.store.store import RunStore


class FoundFile(NamedTuple):
    """Released file.

    `row`, `column`: cell whose run it belongs to. `path`: where it is on this machine; None if it is not there.
    `imported`: whether the run has weights that were imported from a file of this name.
    """

    file: str
    row: str
    column: str
    path: str | None
    imported: bool
    url: str


def released_files(patterns: Sequence[str], store: RunStore) -> Iterator[FoundFile]:
    """Released files of the papers of the tables that match.

    Raises:
        ValueError: if no table matches, or its paper has no released files.
    """
    papers = list(dict.fromkeys(name.partition("/")[0] for pattern in patterns for name in names_matching(pattern)))
    known = {paper: released for paper in papers if (released := released_weights(paper)) is not None}
    if not known:
        raise ValueError(f"list --weights: no files are known that the authors of {', '.join(papers)} released")
    for released in known.values():
        for entry in released.files:
            name = f"{entry.name}{released.suffix}"
            table, row = find([entry.row])[0].table.name, entry.row.partition(":")[2]
            run = load(table).run_of(f"{row}.{entry.column}", PAPER, (), 0)
            record = store.run(run.train_id).released_weights()
            yield FoundFile(
                name,
                entry.row,
                entry.column,
                path=next(
                    (str(path) for folder in (Path(), weights_folder()) if (path := folder / name).is_file()), None
                ),
                imported=record is not None and record["file"] == name,
                url=released.url(entry),
            )
