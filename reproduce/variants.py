"""Variants: sets of overrides that `report`, `claims` and `tensorboard` show side by side, given in full or by name."""

import shlex
import sys
from dataclasses import replace

from experiments.spec.catalog import find
from experiments.spec.names import UNCHANGED, nearest
from experiments.spec.scales import find_scale
from reports.collect import collect
from reports.pages.markup import Unlinked
from reports.pages.tidy_frame import csv_text
from reports.variants import Variant, VariantReport
from reproduce.next_command import next_command, say_next
from reproduce.options import DONE, Compared, Report
from reproduce.selection import store_of
from runner.store.starts import name_of, named_overrides


def variants_of(options: Compared) -> list[Variant]:
    """Variants that the options name, each with the overrides of all; these alone if they name none."""
    named, found = named_overrides(options.runs), list[Variant]()
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
        if any({*one.overrides} == {*overrides} for one in found):
            raise ValueError(f"--variant {shlex.quote(text)}: another variant has the same overrides")
        found.append(Variant(overrides, name_of(overrides, named)))
    return found


def report_variants(options: Report) -> int:
    whole = {"--check": options.check, "--publish": options.publish, "--plot": options.plot}
    for flag, given in {**whole, "--picture": options.picture, "--format latex": options.format == "latex"}.items():
        if given:
            raise ValueError(f"{flag} does not go with --variant, which prints Markdown, CSV or JSON")
    variants, scale, store = variants_of(options), find_scale(options.scale), store_of(options, compare_scores=True)
    found = [
        VariantReport(
            variants,
            [
                collect(table, scale, store, seeds=options.all_seeds, overrides=variant.overrides, rows=rows,
                        columns=options.columns)
                for variant in variants
            ],
        )
        for table, rows in find(options.tables)
    ]  # fmt: skip
    if options.json or options.format == "json":
        texts = [one.as_json() for one in found]
        print(f"[{','.join(texts)}]" if len(texts) > 1 else texts[0])
        return DONE
    if options.format == "csv":
        for lines in (one.frame() for one in found):
            print(csv_text(list(lines[0]), (line.values() for line in lines)), end="")
        return DONE
    if sys.stdout.isatty():
        from reproduce.terminal_page import Terminal

        markup = Terminal()
    else:
        markup = Unlinked()
    print("\n".join(one.page(markup, next_command("report", options)) for one in found), flush=True)
    left = next(filter(None, (one.unfinished for one in found)), None)
    if left is None:
        say_next("tensorboard", options)
    else:
        name = ["--name", left.name] if left.name else []
        say_next("run", replace(options, overrides=left.overrides, variants=()), flags=name)
    return DONE
