"""`reproduce list`: names and captions of tables."""

import argparse
import json

from experiments.spec.catalog import captions, names_matching
from reproduce.exit_codes import DONE


def execute(options: argparse.Namespace) -> int:
    """Print names and captions of all tables, or of those that match."""
    names, texts = [name for pattern in options.tables for name in names_matching(pattern)], captions()
    if options.json:
        print(json.dumps([{"name": name, "caption": texts[name]} for name in names], indent=1))
    else:
        width = max(map(len, names))
        print("\n".join(f"{name:<{width}}  {texts[name]}" for name in names))
    return DONE
