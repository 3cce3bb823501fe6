"""Rows of a table under several sets of overrides, side by side, with the differences to the first set.

Differences have the paired intervals of claims: the same resampled test items and seeds for both.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from experiments.spec.claims import above, cell
from experiments.spec.names import UNCHANGED
from experiments.spec.number_formats import without_noise
from experiments.spec.scales import PAPER
from experiments.spec.table import Table, one_line
from reports.claims.claim_text import DASH, interval_text, most_seeds, number_text, resamples_text
from reports.claims.evidence import Measurements
from reports.claims.verdicts import Judgement
from reports.pages.chance import near_chance
from reports.pages.markup import Markdown, alignments
from reports.pages.report import FINISHED, Report, ReportCell, ReportRow, is_number
from reports.pages.table_texts import notice, row_names
from reports.pages.tidy_frame import frame, frame_as_json

FIRST = 0  # variant that the others are compared with


class Variant(NamedTuple):
    """Set of overrides, a text of those that the others do not have, and the name that the user gave it."""

    overrides: tuple[str, ...]
    changes: str
    name: str

    @property
    def label(self) -> str:
        return f"{self.name}: {self.changes}" if self.name else self.changes


def shared_overrides(sets: Sequence[tuple[str, ...]]) -> list[str]:
    """Overrides that all sets have."""
    first, *others = sets
    return [one for one in first if all(one in other for other in others)]


def changes_text(overrides: tuple[str, ...], sets: Sequence[tuple[str, ...]]) -> str:
    """Overrides of a variant that not all sets have; all of them if there is no other set."""
    shared = shared_overrides(sets) if len({*sets}) > 1 else []
    return ", ".join(one for one in overrides if one not in shared) or UNCHANGED


@dataclass(frozen=True)
class Line:
    """A row under a variant. `differences`: to the first variant, by column; empty for that one itself."""

    variant: int
    row: ReportRow
    differences: Mapping[str, Judgement]


@dataclass(frozen=True)
class VariantReport:
    """Reports of the same rows, one for each variant."""

    variants: Sequence[Variant]
    reports: Sequence[Report]

    @property
    def table(self) -> Table:
        return self.reports[FIRST].table

    @cached_property
    def lines(self) -> list[Line]:
        several = zip(*(report.rows for report in self.reports), strict=True)
        return [line for rows in several if not rows[FIRST].row.quoted for line in self._of_row(rows)]

    def _of_row(self, rows: Sequence[ReportRow]) -> list[Line]:
        """Variants of a row. Its differences are comparisons in a table of which each variant is a row."""
        numbered = [replace(one, row=replace(one.row, key=str(number))) for number, one in enumerate(rows)]
        table = replace(self.table, rows=tuple(one.row for one in numbered), figure=None, scaled_figures={}, claims=())
        measured = Measurements(table, PAPER, numbered)  # small models are compared with small models

        def difference(number: int, key: str) -> Judgement:
            return measured.judgement(above(cell(f"{number}.{key}") - cell(f"{FIRST}.{key}")), real_data=False)

        found = []
        for number, row in enumerate(rows):
            pairs = zip(rows[FIRST].cells, row.cells, strict=True) if number != FIRST else ()
            keys = [one.column.key for first, one in pairs if is_number(first.value) and is_number(one.value)]
            found.append(Line(number, row, {key: difference(number, key) for key in keys}))
        return found

    @property
    def unfinished(self) -> Variant | None:
        states = {line.variant: {seed.state for one in line.row.cells for seed in one.seeds} for line in self.lines}
        return next((self.variants[number] for number, found in states.items() if not found <= FINISHED), None)

    def page(self, markup: Markdown, command: str) -> str:
        """Page, ending in a newline, that names the command that prints it."""
        shown = _without_marks(self.reports[FIRST], [line.row for line in self.lines])
        differences = [line.differences for line in self.lines]
        compared = [one.key for one in self.table.columns if any(_tells(found.get(one.key)) for found in differences)]
        several, names = len({line.row.row.key for line in self.lines}) > 1, row_names(self.table)
        headers, align = (["row"] if several else []) + ["variant"], ["left"] * (1 + several)
        for column, kind in zip(self.table.columns, alignments(shown), strict=True):
            headers += [one_line(column.header), *(["Δ"] if column.key in compared else [])]
            align += [kind, *(["right"] if column.key in compared else [])]
        table = []
        for line, row in zip(self.lines, shown.rows, strict=True):
            texts = [markup.escaped(self.variants[line.variant].label)]
            if several:
                texts.insert(0, markup.escaped(names[row.row.key]) if line.variant == FIRST else "")
            for one in row.cells:
                texts.append(markup.cell(one))
                if one.column.key in compared:
                    texts.append(markup.escaped(difference_text(line.differences.get(one.column.key), one)))
            table.append(texts)
        scale = self.reports[FIRST].scale.name
        parts = [
            markup.heading(1, f"{self.table.name} at scale `{scale}`: {markup.escaped(self.table.caption)}"),
            markup.paragraph(notice(shown)),
            markup.table([headers], table, align, 1 + several),
            *map(markup.paragraph, [markup.legend(shown), *self._notes(compared), f"Made by `{command}`"]),
        ]
        return "\n\n".join(filter(None, parts)) + "\n"

    def _notes(self, compared: Sequence[str]) -> list[str]:
        """What the differences are, and which accuracies are those of guesses."""
        shared = shared_overrides([one.overrides for one in self.variants]) if len(self.variants) > 1 else []
        notes = [f"All variants have {', '.join(shared)}."] if shared else []
        if compared:
            judgements = [one for line in self.lines for one in line.differences.values()]
            sampled = resamples_text(judgements, self.reports[FIRST].facts.unit)
            in_brackets = f"; in brackets its 95 % interval, of {sampled}, each by itself" if sampled else ""
            notes.append(f"Δ: difference to {self.variants[FIRST].label}{in_brackets}.")
            if sampled and most_seeds(judgements) < 2:
                notes[-1] += " With one seed, it holds for these trained models, not for their training."
        names = row_names(self.table)
        guesses = [
            f"{names[line.row.row.key]} · {one_line(one.column.header)} · {self.variants[line.variant].label}"
            for line in self.lines
            for one in line.row.cells
            if any(seed.test is not None and near_chance(seed.test.record, one.metric) for seed in one.seeds)
        ]
        return [*notes, *([f"No better than guessing: {'; '.join(guesses)}."] if guesses else [])]

    def frame(self) -> list[dict[str, object]]:
        """Lines of the reports' frames, with the variant and the difference of the cell."""
        differences = {(line.variant, line.row.row.key): line.differences for line in self.lines}
        return [
            {"variant": variant.label, **line, **_fields(differences.get((number, str(line["row"])), {}), line)}
            for number, (variant, report) in enumerate(zip(self.variants, self.reports, strict=True))
            for line in frame(report)
        ]

    def as_json(self) -> str:
        """A JSON object for each variant: its name, and its report with the differences."""
        lines, objects = self.frame(), []
        for variant, report in zip(self.variants, self.reports, strict=True):
            cells = [line for line in lines if line["variant"] == variant.label]
            objects.append({"variant": variant.label, **frame_as_json(report), "cells": cells})
        return json.dumps(objects, indent=1, ensure_ascii=False)


def _tells(found: Judgement | None) -> bool:
    """Whether a difference is of any interest: not one of exact numbers that are equal."""
    return found is not None and (found.interval is not None or bool(found.reason) or any(found.margins))


def _without_marks(report: Report, rows: Sequence[ReportRow]) -> Report:
    """Report of rows whose variants are named beside them. A printed value stands beside unchanged ones alone."""

    def plain(one: ReportCell) -> ReportCell:
        changed = replace(one, cell=replace(one.cell, printed=None)) if one.modified else one
        return replace(changed, modified=False, best=False)

    found = (ReportRow(row=replace(row.row, labels=()), cells=tuple(map(plain, row.cells))) for row in rows)
    return replace(report, overrides=(), rows=tuple(found))


def difference_text(found: Judgement | None, shown: ReportCell) -> str:
    """Difference with its interval, the reason why it has none, and the number of its seeds if it lacks some."""
    if found is None or not found.margins:
        return found.reason if found is not None else DASH
    parts = [number_text(found.margins[0], signed=True)]
    parts += [interval_text(found)] if found.interval is not None else []
    parts += [f"({found.reason})"] if found.reason and found.interval is None else []
    parts += [f"(n={found.num_seeds})"] if 0 < found.num_seeds < shown.num_requested else []
    return " ".join(parts)


def _fields(differences: Mapping[str, Judgement], line: Mapping[str, object]) -> dict[str, object]:
    found = differences.get(str(line["column"]))
    low, high = found.interval if found is not None and found.interval is not None else (None, None)
    number = without_noise(found.margins[0]) if found is not None and found.margins else None
    return {"difference": number, "difference_low": low, "difference_high": high}
