"""`reproduce list`: the tables, their progress and cost; or the files of weights that authors released."""

import argparse
import json
import shutil
import sys

from tabulate import tabulate

from experiments.spec.catalog import captions, names_listed, not_here
from reproduce.exit_codes import DONE
from reproduce.next_command import say_next
from reproduce.selection import RESULTS
from reproduce.table_index import SCALES, Entry, progress, read_index

UNKNOWN = "–"
PUBLISHED_SIGN = "§"  # as in reports, whose code imports PyTorch
HEADERS = ("table", "rows", "done", "cost", "caption", "data")
MIN_CAPTION = 24  # characters


def execute(options: argparse.Namespace) -> int:
    """Print all tables, or those that match; or the released files of their papers."""
    if options.weights:
        return list_weights(options)
    if options.scale not in SCALES:
        raise ValueError(f"unknown scale '{options.scale}'; choose one of {', '.join(SCALES)}")
    names = list(dict.fromkeys(name for pattern in options.tables for name in names_listed(pattern)))
    entries = [table_json(name, options) for name in names]
    if options.json:
        print(json.dumps(entries, indent=1))
        return DONE
    print(tables_text(entries, options.scale))
    if here := [entry["name"] for entry in entries if entry["here"]]:
        say_next("show", options, here[:1])
    return DONE


def table_json(name: str, options: argparse.Namespace) -> dict:
    """Facts about a table. One that is not here yet has a caption alone."""
    facts: dict = {"name": name, "caption": {**not_here(), **captions()}[name], "here": name in captions()}
    if facts["here"]:
        entry = read_index().get(name) or entry_outside(name)
        done, published, total, hours = progress(entry["runs"][options.scale], options.runs, RESULTS)
        facts |= {"rows": len(entry["rows"]), "done": done, "published": published, "total": total}
        facts |= {"hours": round(hours, 3), "gpu_hours": entry["gpu_hours"], "data": entry["data"]}
    return facts


def entry_outside(name: str) -> Entry:
    """Entry of a table outside of this repository, which the index does not have."""
    from experiments.spec.catalog import load  # these import PyTorch
    from reproduce.write_index import entry_of

    return entry_of(load(name))


def tables_text(entries: list[dict], scale: str) -> str:
    """Tables as text. A terminal shows as much of the captions as fits beside the other columns."""
    lines = [
        [
            entry["name"],
            entry.get("rows", UNKNOWN),
            done_text(entry),
            cost_text(entry, scale),
            entry["caption"] if entry["here"] else f"(not here yet) {entry['caption']}",
            ", ".join(entry.get("data", ())) or UNKNOWN,
        ]
        for entry in entries
    ]
    if sys.stdout.isatty():
        others = sum(max(len(str(line[column])) for line in lines) + 2 for column in (0, 1, 2, 3, 5)) + 4
        room = max(MIN_CAPTION, shutil.get_terminal_size().columns - others)
        for line in lines:
            line[4] = line[4] if len(line[4]) <= room else f"{line[4][: room - 1]}…"
    text = tabulate(lines, HEADERS, tablefmt="simple", disable_numparse=True)
    cost = "what they took" if scale == "tiny" else "assumed hours of an A100 for all of them, see `reproduce plan`"
    text += f"\n\ndone: tests with a result at scale {scale}; cost: {cost}"
    return text + (f"; {PUBLISHED_SIGN}: published, not run here" if any(e.get("published") for e in entries) else "")


def done_text(entry: dict) -> str:
    """Numbers of tests with a result and in all, with a sign for published results."""
    if not entry.get("total"):
        return UNKNOWN
    return f"{entry['done']}/{entry['total']}" + (f" {PUBLISHED_SIGN}" if entry["published"] else "")


def cost_text(entry: dict, scale: str) -> str:
    """Hours that the finished tests took or, at the paper's size, that all are assumed to take."""
    hours = entry.get("hours" if scale == "tiny" else "gpu_hours")
    if not hours:
        return UNKNOWN
    return f"{hours:,.0f} h" if hours >= 10 else f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min"


def list_weights(options: argparse.Namespace) -> int:
    """Print released files, their rows, and where they are."""
    from experiments.runner.released_files import released_files  # imports the models
    from models.imagenet import weights_folder
    from reproduce.selection import store_of

    files = list(released_files(options.tables, store_of(options)))
    if options.json:
        print(json.dumps([file._asdict() for file in files], indent=1))
        return DONE
    lines = [
        (
            file.file,
            f"{file.row} ({file.column})",
            "yes" if file.imported else "no",
            file.path or f"not here: {file.url}",
        )
        for file in files
    ]
    print(tabulate(lines, ("file", "row (column)", "imported", "where"), tablefmt="simple", disable_numparse=True))
    print(f"\nlooked in the working directory and in {weights_folder()} ($PRETRAINED_WEIGHTS)")
    print("import one with `reproduce import-weights FILE --as ROW --column COLUMN`")
    return DONE
