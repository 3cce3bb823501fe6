"""Tables and paragraphs that fit the width of a terminal. Files and pipes get lines of any length."""

import re
import shutil
import sys
import textwrap
from collections.abc import Collection, Sequence
from itertools import zip_longest

GAP = "  "  # between columns
NARROWEST = 10  # characters of a label that is wrapped
NARROWEST_HEADER = 16
STYLE = re.compile(r"\x1b\[\d+m")  # signs of a terminal that switch bold, italics or underlining on or off


def terminal_width() -> int | None:
    """Characters of a line of the terminal that stdout is; None for a file or a pipe. $COLUMNS replaces it."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def wrapped(text: str, width: int | None, indent: int = 2) -> str:
    """Line wrapped between words. Commands in backticks stay whole, configs longer than a line break after brackets.

    Args:
        width: characters of a line; None for any number.
        indent: spaces before the lines after the first one.
    """
    if width is None or _length(text) <= width:
        return text
    whole = re.sub("`[^`]+`", lambda command: command[0].replace(" ", "\0"), text)
    room = max(width - indent, 1)
    breakable = re.sub(rf"[^ ]{{{room},}}", lambda word: word[0].replace("(", "(\v"), whole)
    first, *others = _wrapped(breakable, width, " " * indent).replace("\0", " ").replace("\v", "").split("\n")
    # A word that does not fit behind the indent starts further to the left.
    return "\n".join([first, *(line if len(line) <= width else line.strip().rjust(width) for line in others)])


def table_text(
    headers: Sequence[str],
    lines: Sequence[Sequence[object]],
    width: int | None,
    *,
    numbers: Collection[int] = (),
    num_labels: int = 1,
) -> str:
    """Table. One that is wider than the terminal has wrapped texts and, if needed, several blocks of columns.

    Args:
        width: characters of a line; None for any number.
        numbers: indices of the columns that are aligned to the right.
        num_labels: number of leading columns that stand in every block.
    """
    columns = [list(map(str, column)) for column in zip(headers, *lines, strict=True)]
    blocks = [range(len(columns))]
    if width is not None and sum(map(_width, columns)) + len(GAP) * (len(columns) - 1) > width:
        columns = _narrowed(columns, width, num_labels)
        blocks = _blocks(columns, width, num_labels)
    texts = []
    for block in blocks:
        rows = list(zip(*(columns[index] for index in block), strict=True))
        if len(blocks) > 1:
            rows = [rows[0], *(row for row in rows[1:] if any(row[num_labels:]))]
        texts.append(_block_text(rows, [index in numbers for index in block]))
    return "\n\n".join(texts)


def _narrowed(columns: list[list[str]], width: int, num_labels: int) -> list[list[str]]:
    """Columns with wrapped texts: labels in half of the terminal, or in what the cells leave; headers as cells."""
    limits = [_width(column) for column in columns[:num_labels]]
    narrow = sum(max(_width(texts), min(len(header), NARROWEST_HEADER)) for header, *texts in columns[num_labels:])
    for_labels = max(width // 2, width - narrow - len(GAP) * (len(columns) - num_labels - 1)) - len(GAP) * num_labels
    while sum(limits) > for_labels and max(limits) > NARROWEST:
        limits[limits.index(max(limits))] -= 1
    labels = [[_wrapped(text, limit) for text in column] for column, limit in zip(columns, limits, strict=False)]
    room = width - sum(map(_width, labels)) - len(GAP) * num_labels
    room, cells = max(room, NARROWEST), []
    for header, *texts in columns[num_labels:]:
        of_column = [_wrapped(text, room) for text in texts]
        cells.append([_wrapped(header, min(max(_width(of_column), NARROWEST_HEADER), room)), *of_column])
    return [*labels, *cells]


def _blocks(columns: list[list[str]], width: int, num_labels: int) -> list[Sequence[int]]:
    """Indices of the columns of each block."""
    labels = list(range(num_labels))
    blocks, used = [list(labels)], 0
    of_labels = sum(_width(columns[index]) + len(GAP) for index in labels)
    for index in range(num_labels, len(columns)):
        if blocks[-1] != labels and of_labels + used + _width(columns[index]) > width:
            blocks, used = [*blocks, list(labels)], 0
        blocks[-1].append(index)
        used += _width(columns[index]) + len(GAP)
    return list(blocks)


def _block_text(rows: list[tuple[str, ...]], to_the_right: list[bool]) -> str:
    """Header at the bottom of its lines, a rule, and rows at the top of theirs."""
    widths = [_width(column) for column in zip(*rows, strict=True)]
    lines = []
    for number, row in enumerate(rows):
        step = 1 if number else -1
        stacked = list(zip_longest(*(text.split("\n")[::step] for text in row), fillvalue=""))[::step]
        for texts in stacked:
            gaps = [" " * (size - _length(text)) for text, size in zip(texts, widths, strict=True)]
            aligned = zip(texts, gaps, to_the_right, strict=True)
            lines.append(GAP.join(gap + text if right else text + gap for text, gap, right in aligned).rstrip())
        if number == 0:
            lines.append(GAP.join("-" * size for size in widths))
    return "\n".join(lines)


def _length(text: str) -> int:
    """Characters that are seen."""
    return len(STYLE.sub("", text))


def _width(column: Sequence[str]) -> int:
    return max((_length(line) for text in column for line in text.split("\n")), default=0)


def _wrapped(text: str, width: int, indent: str = "") -> str:
    """Text wrapped at spaces and vertical tabs. A style of the whole text is one of each line."""
    styled = re.fullmatch(rf"({STYLE.pattern})([^\x1b]+)({STYLE.pattern})", text)
    before, plain, after = styled.groups() if styled else ("", text, "")
    lines = textwrap.wrap(
        plain, width, subsequent_indent=indent, replace_whitespace=False, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(f"{before}{line}{after}" for line in lines)
