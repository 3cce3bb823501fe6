"""Every table and figure by name, without importing what they are made of."""

import difflib
import fnmatch
import importlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from experiments.table import Table

# fmt: off
CAPTIONS = {
    "motionformer/classes": "Classes whose accuracy differs most with and without trajectory attention",
    "motionformer/figure3": "Does trajectory attention make better use of motion cues?",
    "motionformer/figure4": "Trajectory attention maps",
    "motionformer/hours":   "How long does it take to train a Motionformer model?",
    "motionformer/table1":  "Comparison of recent video transformer models",
    "motionformer/table2a": "Input encoding ablations: tokenization",
    "motionformer/table2b": "Input encoding ablations: positional encoding",
    "motionformer/table3a": "Orthoformer ablations: Orthoformer is competitive with Nyström",
    "motionformer/table3b": "Orthoformer ablations: selecting orthogonal prototypes is the best strategy",
    "motionformer/table3c": "Orthoformer ablations: approximation improves with more prototypes",
    "motionformer/table3d": "Orthoformer ablations: temporal sharing is the best strategy",
    "motionformer/table4":  "Attention ablations",
    "motionformer/table6a": "Comparison to the state-of-the-art on video action recognition: Something–Something V2",
    "motionformer/table6b": "Comparison to the state-of-the-art on video action recognition: Kinetics-400",
    "motionformer/table6c": "Comparison to the state-of-the-art on video action recognition: Epic-Kitchens",
    "motionformer/table6d": "Comparison to the state-of-the-art on video action recognition: Kinetics-600",
    "motionformer/table7":  "Can we train larger models using approximated trajectory attention?",
    "motionformer/table8":  "Importance of motion cues for the K-400 and SSv2 datasets",
}
# fmt: on


class Selection(NamedTuple):
    """A table, and which of its rows were named (None: all)."""

    table: "Table"
    rows: tuple[str, ...] | None


def names_matching(pattern: str) -> list[str]:
    """Names of tables for a name or a glob.

    Raises:
        ValueError: naming the nearest tables when none matches.
    """
    matches = [name for name in CAPTIONS if fnmatch.fnmatchcase(name, pattern)]
    if matches:
        return matches
    near = difflib.get_close_matches(pattern, CAPTIONS, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "`reproduce list` shows all tables"
    raise ValueError(f"unknown table '{pattern}'; {hint}")


def load(name: str) -> "Table":
    """The table of that exact name."""
    return importlib.import_module(f"experiments.{name.replace('/', '.')}").TABLE


def find(names: list[str]) -> list[Selection]:
    """The tables and rows that names, globs and `table:row` stand for, in the order given, each table once.

    Raises:
        ValueError: for an unknown table or row, naming the nearest.
    """
    chosen: dict[str, list[str] | None] = {}
    for text in names:
        pattern, colon, row = text.partition(":")
        for name in names_matching(pattern):
            if not colon:
                chosen[name] = None
            elif chosen.get(name, []) is not None:
                chosen.setdefault(name, [])
                rows = chosen[name]
                assert rows is not None
                rows.append(row)
    selections = []
    for name, rows in chosen.items():
        table = load(name)
        if rows is None:
            selections.append(Selection(table, None))
            continue
        keys: list[str] = []
        for row in rows:
            matches = [r.key for r in table.rows if fnmatch.fnmatchcase(r.key, row)] or [table.find_row(row).key]
            keys += [key for key in matches if key not in keys]
        selections.append(Selection(table, tuple(keys)))
    return selections
