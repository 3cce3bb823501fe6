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
from reproduce.next_command import say_next
from reproduce.options import DONE, Claims
from reproduce.selection import store_of
from reproduce.terminal import terminal_width, wrapped


def execute(options: Claims) -> int:
    """Print the claims of tables, or those that name the selected rows."""
    scale, seeds = find_scale(options.scale), options.all_seeds
    store, found = store_of(options, compare_scores=True), []
    for table, rows in find_columns(options.tables, options.columns):
        judged = judged_claims(table, scale, store, seeds=seeds, overrides=options.overrides)
        chosen = [one for one in judged if rows is None or any(cell.row in rows for cell in one.claim.cells)]
        unit = facts_of(table, table.cells(scale, overrides=options.overrides, seeds=seeds)).unit
        found += [(table, chosen, unit)] if chosen else []
    if options.json:
        tables = [
            {"table": table.name, "scale": scale.name, "claims": claim_text.as_json(claims)}
            for table, claims, _ in found
        ]
        print(json.dumps(tables, indent=1, ensure_ascii=False))
    else:
        print("\n\n".join(claims_text(scale, options.overrides, *one) for one in found) or "No claims.")
        say_next("report", options)
    return DONE


def claims_text(scale: Scale, overrides: Sequence[str], table: Table, claims: list[JudgedClaim], unit: str) -> str:
    """Claims of a table as text."""
    notes = filter(None, [claim_text.caution(overrides), *claim_text.method(tuple(claims), unit)])
    width = terminal_width()
    text = [wrapped(f"{table.name} at scale {scale.name}: {table.caption}", width)]
    for claim, comparison, printed, verdict, ours, interval, own_verdict in claim_text.lines(claims):
        text += [wrapped(claim, width)] if claim else []
        measured = " ".join(part for part in (ours, interval, own_verdict) if part != claim_text.DASH)
        text.append(wrapped(f"    {comparison}: printed {printed} {verdict}; ours {measured}", width, indent=6))
    return "\n".join([*text, *(wrapped(f"note: {note}", width) for note in notes)])
