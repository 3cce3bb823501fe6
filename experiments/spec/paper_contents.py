"""Contents of a paper: the names of its tables and figures, and its drawings, which have nothing to reproduce."""

from collections.abc import Mapping
from typing import NamedTuple


class Contents(NamedTuple):
    """Title and address of a paper, and its tables and figures, by their names without the paper.

    `here`: those that files of the paper's directory reproduce.
    `without_numbers`: captions of drawings, which contain nothing to reproduce.
    """

    title: str
    url: str
    here: tuple[str, ...] = ()
    without_numbers: Mapping[str, str] = {}
