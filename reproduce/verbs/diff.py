"""`reproduce diff`: fields in which two runs differ, or a run and a file of its authors, and the `-o` for each."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path

from experiments.spec.authors_config import Difference, authors_config, differences, not_compared, read_settings
from experiments.spec.edits import brief
from experiments.spec.ids import canonical, tag_of
from experiments.spec.run import RunConfig
from experiments.spec.scales import find_scale
from interface.ranges import CheckedConfig
from reproduce import options as of_verbs
from reproduce.options import DONE
from reproduce.selection import store_of
from reproduce.terminal import table_text, wrapped
from runner.store.folders import run_folders
from runner.store.jobs import run_of_row
from runner.store.store import RunStore

EVALUATION = "evaluation"
LEFT_OUT = "default"  # of a field that a description leaves out, if its class is not known here


def execute(options: of_verbs.Diff) -> int:
    names, left_out = [*options.compared], dict[str, object]()
    if options.table is not None:
        names, file = [options.table, *names], Path(names[0])
        if len(names) != 2:
            raise ValueError(f"--as {options.table}: name one file of the authors beside it, not {len(names) - 1}")
        if not file.is_file():
            problem = f"{file} is a folder" if file.is_dir() else f"there is no {file}"
            raise ValueError(f"--as {options.table}: {problem}; name a file of the authors")
        run = row(options.table, options, options.overrides)
        config, found = authors_config(options.table.partition("/")[0]), read_settings(file)
        differing, left_out = differences(run, config, found), not_compared(config, found)
    elif len(names) == 2:
        given = options.overrides if names[0] != names[1] else ()  # a row beside itself: only the second has them
        first, second = fields_of(names[0], options, given), fields_of(names[1], options, options.overrides)
        if not (EVALUATION in first and EVALUATION in second):  # a run in a store is its training, not how it is tested
            first, second = ({key: one[key] for key in one if key != EVALUATION} for one in (first, second))
        differing = list(changes(first, second))
    else:
        raise ValueError("name two runs, each by id or as TABLE:ROW; or a file of the authors and --as TABLE:ROW")
    if options.json:
        lines = [{"field": d.path, "first": d.first, "second": d.second, "override": remedy(d)} for d in differing]
        print(json.dumps({"compared": names, "differences": lines, "not_compared": left_out}, indent=1, default=brief))
        return DONE
    headers = ("field", *names, "option that makes the first like the second")
    cells = [(d.path, text(d.first), text(d.second), remedy(d)) for d in differing]
    print(table_text(headers, cells) if cells else f"{names[0]} and {names[1]}: no difference")
    if not all(cell[-1] for cell in cells):
        print(wrapped("No option replaces a part by one of another class, or parents: name a row that has it."))
    if left_out:
        settings = ", ".join(f"{name}={value}" for name, value in left_out.items())
        print(wrapped(f"not compared, without a field of ours or another setting beside them: {settings}"))
    return DONE


def row(name: str, options: of_verbs.Diff, overrides: Sequence[str]) -> RunConfig:
    """Run of `TABLE:ROW` or `TABLE:ROW.COLUMN`."""
    of_row, _, column = name.partition(".")
    return run_of_row(of_row, column or None, find_scale(options.scale), overrides)[1]


def fields_of(name: str, options: of_verbs.Diff, overrides: Sequence[str]) -> dict[str, object]:
    """Settings of a row or of a run in the store or among the published ones, nested as in `config.json`."""
    if "/" in name or ":" in name:
        run = row(name, options, overrides)
        return {**run.description, EVALUATION: canonical(run.evaluation)}
    return json.loads(config_file(name, store_of(options)).read_text(encoding="utf-8"))


def config_file(start: str, store: RunStore) -> Path:
    """Config file of the run whose id starts so, or in whose folder it is."""
    roots = [root for root in (store.results, store.root) if root is not None]
    folders = [
        item
        for root in roots
        for item in run_folders(root).items()
        if item[0].startswith(start) or item[1].name == start
    ]
    files = {id_: file for id_, folder in folders if (file := folder / "config.json").exists()}
    if len(files) != 1:
        text = f"several: {', '.join(sorted(files))}" if files else f"none in {store.root} or among the published ones"
        raise ValueError(f"run '{start}': {text}; name a run by its id, or a row as TABLE:ROW")
    return files.popitem()[1]


def changes(first: object, second: object, path: str = "") -> Iterator[Difference]:
    """Differences of nested settings. Configs of two classes differ as a whole."""
    if first == second:
        return
    if isinstance(first, Mapping) and isinstance(second, Mapping) and first.get("type") == second.get("type"):
        defaults = defaults_of(first.get("type"))
        for name in dict.fromkeys((*first, *second)):
            default = defaults.get(name, LEFT_OUT)
            yield from changes(first.get(name, default), second.get(name, default), f"{path}.{name}" if path else name)
    else:
        is_plain = not any(isinstance(value, Mapping) for value in (first, second)) and second != LEFT_OUT
        yield Difference(path, first, second, (is_plain or second is None) and not path.startswith("parents"))


def defaults_of(tag: object) -> dict[str, object]:
    """Values of the fields that descriptions of a class leave out; none of a class that is not imported."""
    kinds = [CheckedConfig]
    for kind in kinds:  # grows by the subclasses
        kinds += kind.__subclasses__()
        if tag_of(kind) == tag and is_dataclass(kind):
            return {f.name: canonical(f.metadata["omit_if"]) for f in fields(kind) if "omit_if" in f.metadata}
    return {}


def text(value: object) -> str:
    """Short text of a value; of a nested config its class."""
    if isinstance(value, Mapping):
        return str(value.get("type", "")).removesuffix(".Config")
    return brief(tuple(value) if isinstance(value, list) else value)


def remedy(difference: Difference) -> str:
    """Option that makes the first like the second; empty if none does."""
    if not difference.overridable:
        return ""
    second = difference.second
    value = repr(second) if isinstance(second, tuple) else text(second)
    return f"--seeds {value}" if difference.path == "seed" else f"-o {shlex.quote(f'{difference.path}={value}')}"
