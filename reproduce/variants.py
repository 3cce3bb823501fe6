"""Variants: sets of overrides that `report`, `claims` and `tensorboard` show side by side, given in full or by name."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace

from experiments.spec.names import UNCHANGED, nearest
from reports.pages.markup import Unlinked
from reports.pages.tidy_frame import frame_as_csv
from reports.variants import Variant, VariantReport, changes_text
from reproduce.next_command import next_command, say_next
from reproduce.options import Compared, Report
from reproduce.selection import reports_of, store_of
from runner.store.starts import name_of, named_overrides


def variants_of(options: Compared) -> list[Variant]:
    """Variants that the options name, each with the overrides of all; these alone if they name none."""
    named, found = named_overrides(options.runs), list[tuple[str, ...]]()
    for text in options.variants or [UNCHANGED]:
        if "=" in text:
            own = tuple(shlex.split(text))
        elif text == UNCHANGED or text in named:
            own = named.get(text, ())
        else:
            hint = nearest(text, named, f"names of runs: {', '.join(sorted(named)) or 'none'}")
            raise ValueError(f"--variant {text}: neither PATH=VALUE nor the name of a run in {options.runs}; {hint}")
        # Made anew, the options refuse two overrides of one field.
        both = (*options.overrides, *(one for one in own if one not in options.overrides))
        overrides = replace(options, overrides=both, variants=()).overrides
        if any({*one} == {*overrides} for one in found):
            raise ValueError(f"--variant {shlex.quote(text)}: another variant has the same overrides")
        found.append(overrides)
    return [Variant(one, changes_text(one, found), name_of(one, named)) for one in found]


def variant_reports(options: Report) -> list[VariantReport]:
    """Reports of the selected tables, each under all variants."""
    whole = {"--check": options.check, "--publish": options.publish, "--plot": options.plot}
    for flag, given in {**whole, "--picture": options.picture, "--format latex": options.format == "latex"}.items():
        if given:
            raise ValueError(f"{flag} does not go with --variant, which prints Markdown, CSV or JSON")
    variants, store = variants_of(options), store_of(options, compare_scores=True)
    by_variant = [reports_of(options, store, variant.overrides) for variant in variants]
    return [VariantReport(variants, of_table) for of_table in zip(*by_variant, strict=True)]


def report_text(report: VariantReport, options: Report, form: str) -> str:
    if form == "json":
        return report.as_json()
    if form == "csv":
        return frame_as_csv(report.frame()).rstrip("\n")
    if sys.stdout.isatty():
        from reproduce.terminal_page import Terminal

        return report.page(Terminal(), next_command("report", options))
    return report.page(Unlinked(), next_command("report", options))


def say_next_of(reports: Sequence[VariantReport], options: Report) -> None:
    """Name the command that runs the first variant that is not finished, or the one that compares all."""
    left = next(filter(None, (one.unfinished for one in reports)), None)
    if left is None:
        say_next("tensorboard", options)
    else:
        name = ["--name", left.name] if left.name else []
        say_next("run", replace(options, overrides=left.overrides, variants=()), flags=name)
