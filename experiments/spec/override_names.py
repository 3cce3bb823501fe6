"""Names of overrides of more than one value. They are in a file of their own because the command line imports no model."""

import os

FINE_TUNE = "parents=row"  # the run itself becomes the parent, so that it starts from the weights of the row
OWN_DATA = "data="  # and a folder: videos of the user's own in place of the data set


def own_data(folder: str | os.PathLike[str]) -> str:
    """Override for a folder of videos.

    Raises:
        ValueError: for an empty name, e.g. of a variable of the shell that is not set.
    """
    if not os.fspath(folder):
        raise ValueError("names no folder of videos; '.' is the working directory")
    return f"{OWN_DATA}{os.path.abspath(os.path.expanduser(folder))}"
