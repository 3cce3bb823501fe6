"""`reproduce list`: the tables, their progress and cost; or the files of weights that authors released."""

import argparse
import json
import textwrap

from experiments.spec.catalog import Entry, names_listed, read_index
from reproduce.exit_codes import DONE
from reproduce.next_command import say_next
from reproduce.selection import RESULTS
from reproduce.table_index import SCALES, progress
from reproduce.terminal import GAP, table_text, terminal_width, wrapped

UNKNOWN = "–"
PUBLISHED_SIGN = "§"  # as in reports, whose code imports PyTorch
HEADERS = ("table", "rows", "tested", "cost", "caption", "data")
NUM_FIXED = 4  # columns that are never cut
MIN_CAPTION = 16  # characters
MIN_BOTH = 48  # characters of captions and data sets beside each other


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
    say_next("show", options, [entries[0]["name"]])
    return DONE


def table_json(name: str, options: argparse.Namespace) -> dict:
    """Facts about a table."""
    entry = read_index()["tables"].get(name) or entry_outside(name)
    done, published, total, hours = progress(entry["runs"][options.scale], options.runs, RESULTS)
    return {
        "name": name,
        "caption": entry["caption"],
        "rows": len(entry["rows"]),
        "done": done,
        "published": published,
        "total": total,
        "hours": round(hours, 3),
        "gpu_hours": entry["gpu_hours"],
        "data": entry["data"],
    }


def entry_outside(name: str) -> Entry:
    """Entry of a table outside of this repository, which the index does not have."""
    from experiments.spec.catalog import load  # these import PyTorch
    from reproduce.write_index import entry_of

    return entry_of(load(name), module="")


def tables_text(entries: list[dict], scale: str) -> str:
    """Tables as text. A terminal shows as much of the captions and data sets as fits beside the other columns."""
    lines = [
        [
            entry["name"],
            str(entry["rows"]),
            done_text(entry),
            cost_text(entry, scale),
            entry["caption"],
            ", ".join(entry["data"]) or UNKNOWN,
        ]
        for entry in entries
    ]
    width, headers = terminal_width(), HEADERS
    cost = (
        "what they took, added up over runs"
        if scale == "tiny"
        else "assumed hours of an A100 for all of them, see `reproduce plan`"
    )
    models = "small models on generated data" if scale == "tiny" else "the paper's models on its data"
    notes = [f"tested: results at scale {scale} ({models}), of all; what is computed needs none; cost: {cost}"]
    if any(entry.get("published") for entry in entries):
        notes.append(f"{PUBLISHED_SIGN}: some are published, not run here")
    if width is not None:
        lines = cut(lines, width)
        headers = HEADERS[: len(lines[0])]
        notes += ["a wider terminal also shows the data sets"] if headers != HEADERS else []
    return f"{table_text(headers, lines, None, numbers=(1, 3))}\n\n{wrapped('; '.join(notes), width)}"


def cut(lines: list[list[str]], width: int) -> list[list[str]]:
    """Lines that fit a terminal: captions and data sets end in … after the last word that fits.

    A narrow terminal shows captions alone.
    """
    lengths = [max(map(len, column)) for column in zip(HEADERS, *lines, strict=True)]
    room = width - sum(lengths[:NUM_FIXED]) - len(GAP) * NUM_FIXED
    if room < MIN_BOTH and lengths[-2] + len(GAP) + lengths[-1] > room:
        return [[*line[:NUM_FIXED], shortened(line[-2], max(MIN_CAPTION, room))] for line in lines]
    room -= len(GAP)
    data = min(lengths[-1], max(room // 3, room - lengths[-2]))
    return [[*line[:NUM_FIXED], shortened(line[-2], room - data), shortened(line[-1], data)] for line in lines]


def shortened(text: str, length: int) -> str:
    """Words that fit, and … for the others."""
    return textwrap.shorten(text, length, placeholder="…", break_on_hyphens=False)


def done_text(entry: dict) -> str:
    """Numbers of tests with a result and in all, with a sign for published results."""
    if not entry["total"]:
        return UNKNOWN
    return f"{entry['done']}/{entry['total']}" + (f" {PUBLISHED_SIGN}" if entry["published"] else "")


def cost_text(entry: dict, scale: str) -> str:
    """Hours that the finished tests took or, at the paper's size, that all are assumed to take."""
    hours = entry["hours" if scale == "tiny" else "gpu_hours"]
    if not hours:
        return UNKNOWN
    return f"{hours:,.0f} h" if hours >= 10 else f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min"


def list_weights(options: argparse.Namespace) -> int:
    """Print released files, their rows, and where they are."""
    from models.imagenet import weights_folder
    from reproduce.selection import store_of
    from runner.weights.released import released_files  # imports the models

    files = list(released_files(options.tables, store_of(options)))
    if options.json:
        print(json.dumps([file._asdict() for file in files], indent=1))
        return DONE
    width = terminal_width()
    lines = [(file.file, f"{file.row} ({file.column})") for file in files]
    header, rule, *rows = table_text(("file", "row (column)"), lines, None).splitlines()
    print(f"{header}\n{rule}")
    for row, file in zip(rows, files, strict=True):
        state = "imported" if file.imported else "not imported"
        place = file.path or f"not here: {file.url}"
        print(f"{row}\n{wrapped(f'  {state}; {place}', width, indent=4)}")
    looked = f"looked in the working directory and in {weights_folder()} ($PRETRAINED_WEIGHTS)"
    print(f"\n{wrapped(looked, width)}")
    print(wrapped("import one with `reproduce import-weights FILE --as ROW --column COLUMN`", width))
    return DONE
