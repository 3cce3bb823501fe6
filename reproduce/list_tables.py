"""`reproduce list`: names and captions of tables, or the files of weights that authors released."""

import argparse
import json

from tabulate import tabulate

from experiments.spec.catalog import captions, names_matching
from reproduce.exit_codes import DONE


def execute(options: argparse.Namespace) -> int:
    """Print names and captions of all tables, or of those that match; or the released files of their papers."""
    if options.weights:
        return list_weights(options)
    names, texts = [name for pattern in options.tables for name in names_matching(pattern)], captions()
    if options.json:
        print(json.dumps([{"name": name, "caption": texts[name]} for name in names], indent=1))
    else:
        width = max(map(len, names))
        print("\n".join(f"{name:<{width}}  {texts[name]}" for name in names))
    return DONE


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
