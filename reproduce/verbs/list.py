"""`reproduce list`: the tables, their progress and cost; or the files of weights that authors released."""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path

from experiments.spec.catalog import Entry, names_listed, read_index
from reproduce.next_command import say_next
from reproduce.options import DONE, RESULTS, SCALES, List
from reproduce.terminal import ANY_WIDTH, GAP, table_text, terminal_width, wrapped
from runner.machine.messages import device_time_text
from runner.store.folders import run_folders

UNKNOWN = "–"
PUBLISHED_SIGN = "§"  # as in reports, whose code imports PyTorch
HEADERS = ("table", "rows", "tested", "cost", "caption", "data")
NUM_FIXED = 4  # columns that are never cut
MIN_CAPTION = 12  # characters
MIN_BOTH = 48  # characters of captions and data sets beside each other


def execute(options: List) -> int:
    if options.weights:
        return list_weights(options)
    if options.scale not in SCALES:
        raise ValueError(f"unknown scale '{options.scale}'; choose one of {', '.join(SCALES)}")
    names = dict.fromkeys(name for pattern in options.tables for name in names_listed(pattern))
    runs = run_folders(options.runs)
    tables = [table_json(name, options.scale, runs) for name in names]
    print(json.dumps(tables, indent=1) if options.json else tables_text(tables, options.scale))
    say_next("show", options, list(names)[:1])
    return DONE


def table_json(name: str, scale: str, runs: Mapping[str, Path]) -> dict:
    entry = read_index()["tables"].get(name) or entry_outside(name)
    return {
        "name": name,
        "caption": entry["caption"],
        "rows": len(entry["rows"]),
        **progress(entry["runs"][scale], runs, RESULTS),
        "gpu_hours": entry["gpu_hours"][scale],
        "data": entry["data"],
    }


def entry_outside(name: str) -> Entry:
    """Entry of a table outside of this repository, which the index does not have."""
    from experiments.spec.catalog import load  # these import PyTorch
    from reproduce.write_index import entry_of, jobs_by_scale

    table = load(name)
    return entry_of(table, "", jobs_by_scale(table))


def progress(tests: list[str], runs: Mapping[str, Path], results: Path) -> dict[str, float]:
    """Numbers of tests with a result, of those not made here, and of all; device hours of tests and trainings.

    Tests are given as `train id/eval id`, with the folders of the runs made here by their ids. Unlike in `reproduce
    status`, the content of result files is not checked.
    """
    done, published = 0, 0
    by_training: dict[str, list[tuple[float, float]]] = {}
    for test in tests:
        train_id, eval_id = test.split("/")
        names = (f"{eval_id}.json", f"{eval_id}.released.json")
        folders = (runs.get(train_id, results / train_id), results / train_id)
        files = (folder / "metrics" / name for folder in folders for name in names)
        if file := next((file for file in files if file.exists()), None):
            done += 1
            published += results in file.parents
            by_training.setdefault(train_id, []).append(_device_hours(file))
    hours = round(sum(map(_hours, by_training.values())), 3)
    return {"done": done, "published": published, "total": len(tests), "hours": hours}


def _device_hours(file: Path) -> tuple[float, float]:
    """Device hours of the process of a test, none for scores of another test, and of its training."""
    try:
        fields = json.loads(file.read_text())
    except (OSError, ValueError):  # a damaged file
        return 0.0, 0.0
    took_time = {"rescored_from", "combined_from"}.isdisjoint(fields)
    hours = fields.get("seconds", 0.0) * fields.get("devices", 1) / 3600 if took_time else 0.0
    return hours, fields.get("device_hours") or 0.0


def _hours(results: list[tuple[float, float]]) -> float:
    """Device hours of a training and its tests. The longest process is taken as that of the training, if as long."""
    processes, trainings = zip(*results, strict=True)
    *others, longest = sorted(processes)
    return max(longest, *trainings) + sum(others)


def tables_text(tables: list[dict], scale: str) -> str:
    """Tables as text. A terminal shows as much of the captions and data sets as fits beside the other columns."""
    (models, gpu), lines = read_index()["scales"][scale], []
    for entry in tables:
        done = f"{entry['done']}/{entry['total']}{f' {PUBLISHED_SIGN}' if entry['published'] else ''}"
        hours = entry["gpu_hours" if gpu else "hours"]
        time = device_time_text(3600 * hours) if hours else UNKNOWN
        of_tests = [done if entry["total"] else UNKNOWN, time, entry["caption"]]
        lines.append([entry["name"], str(entry["rows"]), *of_tests, ", ".join(entry["data"]) or UNKNOWN])
    cost = (
        f"assumed hours of one {gpu} for all of them, see `reproduce plan`"
        if gpu
        else "what they took, added up over runs"
    )
    notes = [f"tested: results at scale {scale} ({models}), of all; what is computed needs none; cost: {cost}"]
    if any(entry["published"] for entry in tables):
        notes.append(f"{PUBLISHED_SIGN}: some are published, not run here")
    lines = cut(lines, terminal_width())
    headers = HEADERS[: len(lines[0])]
    notes += ["a wider terminal also shows the data sets"] if headers != HEADERS else []
    return f"{table_text(headers, lines, width=ANY_WIDTH, numbers=(1, 3))}\n\n{wrapped('; '.join(notes))}"


def cut(lines: list[list[str]], width: int) -> list[list[str]]:
    """Lines that fit a terminal: captions and data sets end in … after the last word that fits.

    A narrow terminal shows captions alone.
    """
    *fixed, captions, data = (max(map(len, column)) for column in zip(HEADERS, *lines, strict=True))
    room = width - sum(fixed) - len(GAP) * NUM_FIXED
    if room < MIN_BOTH and captions + len(GAP) + data > room:
        return [[*line[:NUM_FIXED], shortened(line[-2], max(MIN_CAPTION, room))] for line in lines]
    room -= len(GAP)
    data = min(data, max(room // 3, room - captions))
    return [[*line[:NUM_FIXED], shortened(line[-2], room - data), shortened(line[-1], data)] for line in lines]


def shortened(text: str, length: int) -> str:
    return textwrap.shorten(text, length, placeholder="…", break_on_hyphens=False)


def list_weights(options: List) -> int:
    from models.imagenet import weights_folder
    from reproduce.selection import store_of
    from runner.weights.released import released_files  # imports the models

    files, store = released_files(options.tables), store_of(options)
    if options.json:
        print(json.dumps([file.as_json(store) for file in files], indent=1))
        return DONE
    lines = [(file.file_name, f"{file.entry.row} ({file.entry.column})") for file in files]
    header, rule, *rows = table_text(("file", "row (column)"), lines, width=ANY_WIDTH).splitlines()
    print(f"{header}\n{rule}")
    for row, file in zip(rows, files, strict=True):
        state, place = "imported" if file.is_imported(store) else "not imported", file.local or f"not here: {file.url}"
        print(f"{row}\n{wrapped(f'  {state}; {place}', indent=4)}")
    looked = f"looked in the working directory and in {weights_folder()} ($PRETRAINED_WEIGHTS)"
    print(f"\n{wrapped(looked)}")
    print(wrapped("import one with `reproduce import-weights FILE --as ROW --column COLUMN`"))
    return DONE
