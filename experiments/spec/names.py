"""Names that users write: the nearest to a wrong one, and overrides of more than one value. Imports no model."""

import difflib
import os
from collections.abc import Iterable

FINE_TUNE = "parents=row"  # the run itself becomes the parent, so that it starts from the weights of the row
UNCHANGED = "unchanged"  # the variant without overrides
OWN_DATA = "data="  # and a folder: videos of the user's own in place of the data set


def path_of(override: str) -> str:
    """Field that an override changes, e.g. `optim.epochs`."""
    return override.partition("=")[0].strip()


def own_data(folder: str | os.PathLike[str]) -> str:
    """Override for a folder of videos. An empty name, e.g. of a variable of the shell that is not set, is refused."""
    if not os.fspath(folder):
        raise ValueError("names no folder of videos; '.' is the working directory")
    return f"{OWN_DATA}{os.path.abspath(os.path.expanduser(folder))}"


def nearest(name: str, names: Iterable[str], otherwise: str, *, prefix: str = "") -> str:
    """Hint at the name that is nearest to an unknown one, shown after a prefix; another hint if none is near."""
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"did you mean '{prefix}{near[0]}'?" if near else otherwise
