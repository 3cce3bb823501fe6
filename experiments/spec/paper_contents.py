"""Contents of a paper: the names of its tables and figures, whether they are reproduced here or not."""

from collections.abc import Mapping
from typing import NamedTuple


class Contents(NamedTuple):
    """Title and address of a paper, and its tables and figures, by their names without the paper.

    `here`: those that files of the paper's directory reproduce.
    `not_here`: captions of those that nothing reproduces yet.
    `without_numbers`: captions of drawings, which contain nothing to reproduce.
    """

    title: str
    url: str
    here: tuple[str, ...] = ()
    not_here: Mapping[str, str] = {}
    without_numbers: Mapping[str, str] = {}
