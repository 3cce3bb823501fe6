"""`reproduce claims`: what papers conclude from their tables, and whether printed and measured numbers support it."""

import json
from collections.abc import Sequence

from experiments.spec.columns import find_columns
from experiments.spec.scales import Scale, find_scale
from experiments.spec.table import Table
from reports.claims import claim_text
from reports.claims.verdicts import JudgedClaim
from reports.collect import judged_claims
from reports.pages.facts import facts_of
from reports.variants import Variant
from reproduce.next_command import say_next
from reproduce.options import DONE, Claims
from reproduce.selection import store_of
from reproduce.terminal import wrapped
from reproduce.variants import variants_of


def execute(options: Claims) -> int:
    """Print the claims of tables, or those that name the selected rows."""
    scale, seeds, variants = find_scale(options.scale), options.all_seeds, variants_of(options)
    store, found = store_of(options, compare_scores=True), []
    for table, rows in find_columns(options.tables, options.columns):
        several = []
        for variant in variants:
            judged = judged_claims(table, scale, store, seeds=seeds, overrides=variant.overrides)
            several.append([one for one in judged if rows is None or any(cell.row in rows for cell in one.claim.cells)])
        unit = facts_of(table, table.cells(scale, overrides=variants[0].overrides, seeds=seeds)).unit
        found += [(table, several, unit)] if several[0] else []
    if options.json:
        tables = [
            {
                "table": table.name,
                "scale": scale.name,
                "overrides": variant.overrides,
                "claims": claim_text.as_json(claims),
            }
            for table, several, _ in found
            for variant, claims in zip(variants, several, strict=True)
        ]
        print(json.dumps(tables, indent=1, ensure_ascii=False))
    else:
        print("\n\n".join(claims_text(scale, variants, *one) for one in found) or "No claims.")
        say_next("report", options)
    return DONE


def claims_text(
    scale: Scale, variants: Sequence[Variant], table: Table, several: Sequence[list[JudgedClaim]], unit: str
) -> str:
    """Claims of a table as text, with a line for each of several variants."""
    changed = [] if len(variants) > 1 else [claim_text.caution(variants[0].overrides)]
    notes = dict.fromkeys([*changed, *(note for claims in several for note in claim_text.method(tuple(claims), unit))])
    text = [wrapped(f"{table.name} at scale {scale.name}: {table.caption}")]
    for lines in zip(*map(claim_text.lines, several), strict=True):
        claim, comparison, printed, verdict, *_ = lines[0]
        text += [wrapped(claim)] if claim else []
        measured = [" ".join(part for part in line[4:] if part != claim_text.DASH) for line in lines]
        in_line = f"; ours {measured[0]}" if len(variants) == 1 else ""
        text.append(wrapped(f"    {comparison}: printed {printed} {verdict}{in_line}", indent=6))
        for variant, ours in zip(variants, measured, strict=True) if len(variants) > 1 else ():
            text.append(wrapped(f"      {variant.label}: ours {ours}", indent=8))
    return "\n".join([*text, *(wrapped(f"note: {note}") for note in notes if note)])
