"""Tables and paragraphs that fit the width of a terminal. Files and pipes get lines of any length."""

import re
import shutil
import sys
import textwrap
from collections.abc import Collection, Sequence
from itertools import zip_longest

GAP = "  "  # between columns
NARROWEST = 10  # characters of a text that is wrapped
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
    num_headers: int = 1,
) -> str:
    """Table. In one that is wider than the terminal, headers and texts are wrapped.

    If that is not enough, or has more lines, the table has several blocks of columns.

    Args:
        width: characters of a line; None for any number.
        numbers: indices of the columns that are aligned to the right; only their headers are wrapped.
        num_labels: number of leading columns that stand in every block.
        num_headers: number of rows that are headers, with those in `lines`.
    """
    columns = [list(map(str, column)) for column in zip(headers, *lines, strict=True)]
    is_number = [index in numbers for index in range(len(columns))]
    if width is None or _total(columns) <= width:
        return _block_text(columns, is_number, num_headers)
    wrapping = [num_headers if number else len(columns[0]) for number in is_number]
    labels = _narrowed(columns[:num_labels], wrapping, width // 2)
    room = width - _total(labels) - len(GAP)
    others = zip(columns[num_labels:], wrapping[num_labels:], strict=True)
    cells = [_narrowed([column], [wrapped], room if wrapped > num_headers else 0)[0] for column, wrapped in others]
    in_blocks = _blocks([*labels, *cells], is_number, width, num_labels, num_headers)
    narrowed = _narrowed(columns, wrapping, width)
    in_one = _block_text(narrowed, is_number, num_headers)
    return in_one if _total(narrowed) <= width and in_one.count("\n") <= in_blocks.count("\n") else in_blocks


def _narrowed(columns: list[list[str]], wrapping: Sequence[int], width: int) -> list[list[str]]:
    """Columns with wrapped texts, until they fit a width or have few characters: headers of numbers, then the widest.

    Args:
        wrapping: number of leading texts of each column that may be wrapped.
    """

    def wrapped_at(index: int, limit: int) -> list[str]:
        texts, number = columns[index], wrapping[index]
        limit = max(limit, _width(texts[number:]))
        return [*(_wrapped(text, limit) for text in texts[:number]), *texts[number:]]

    least = [_width(wrapped_at(index, NARROWEST)) for index in range(len(columns))]
    limits = [_width(column) for column in columns]
    while _total(columns, limits) > width and (wide := [n for n, limit in enumerate(limits) if limit > least[n]]):
        limits[max(wide, key=lambda n: (wrapping[n] < len(columns[n]), limits[n]))] -= 1
    return [wrapped_at(index, limit) for index, limit in enumerate(limits)]


def _total(columns: Sequence[Sequence[str]], widths: Sequence[int] | None = None) -> int:
    """Characters of a line of columns side by side."""
    return sum(widths or map(_width, columns)) + len(GAP) * (len(columns) - 1)


def _blocks(columns: list[list[str]], is_number: list[bool], width: int, num_labels: int, num_headers: int) -> str:
    """Blocks of as many columns as fit a line; each leaves out rows without a text in it."""
    labels = list(range(num_labels))
    blocks = [list(labels)]
    for index in range(num_labels, len(columns)):
        if blocks[-1] != labels and _total([columns[n] for n in (*blocks[-1], index)]) > width:
            blocks.append(list(labels))
        blocks[-1].append(index)
    texts = []
    for block in blocks:
        rows = list(zip(*(columns[index] for index in block), strict=True))
        if len(blocks) > 1:
            rows = [*rows[:num_headers], *(row for row in rows[num_headers:] if any(row[num_labels:]))]
        texts.append(_block_text(list(zip(*rows, strict=True)), [is_number[index] for index in block], num_headers))
    return "\n\n".join(texts)


def _block_text(columns: Sequence[Sequence[str]], to_the_right: list[bool], num_headers: int) -> str:
    """Headers at the bottom of their lines, a rule, and rows at the top of theirs."""
    widths = [_width(column) for column in columns]
    lines = []
    for number, row in enumerate(zip(*columns, strict=True), 1):
        step = 1 if number > num_headers else -1
        stacked = list(zip_longest(*(text.split("\n")[::step] for text in row), fillvalue=""))[::step]
        for texts in stacked:
            gaps = [" " * (size - _length(text)) for text, size in zip(texts, widths, strict=True)]
            aligned = zip(texts, gaps, to_the_right, strict=True)
            lines.append(GAP.join(gap + text if right else text + gap for text, gap, right in aligned).rstrip())
        if number == num_headers:
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
