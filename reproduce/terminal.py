"""Tables and paragraphs that fit the width of a terminal. Files and pipes get lines of any length."""

import re
import shutil
import sys
import textwrap
from collections.abc import Collection, Sequence
from itertools import pairwise, zip_longest

GAP = "  "  # between columns
NARROWEST = 10  # characters of a text that is wrapped
ANY_WIDTH = sys.maxsize
STYLE = re.compile(r"\x1b\[\d+m")  # signs of a terminal that switch bold, italics or underlining on or off


def terminal_width() -> int:
    """Characters of a line of the terminal that stdout is; any number for a file or a pipe. $COLUMNS replaces it."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else ANY_WIDTH


def wrapped(text: str, indent: int = 2, *, width: int | None = None) -> str:
    """Line wrapped between words. Commands in backticks stay whole, configs longer than a line break after brackets.

    Args:
        indent: spaces before the lines after the first one.
        width: characters of a line; by default those of the terminal.
    """
    width = terminal_width() if width is None else width
    if _length(text) <= width:
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
    *,
    width: int | None = None,
    numbers: Collection[int] = (),
    num_labels: int = 1,
    num_headers: int = 1,
) -> str:
    """Table. In one that is wider than the terminal, headers and texts are wrapped.

    If that is not enough, or has more lines, the table has several blocks of columns.

    Args:
        width: characters of a line; by default those of the terminal.
        numbers: indices of the columns that are aligned to the right; only their headers are wrapped.
        num_labels: number of leading columns that stand in every block.
        num_headers: number of rows that are headers, with those in `lines`. Equal ones side by side are one.
    """
    width = terminal_width() if width is None else width
    columns = [list(map(str, column)) for column in zip(headers, *lines, strict=True)]
    is_number = [index in numbers for index in range(len(columns))]
    tops = [tuple(column[: num_headers - 1]) for column in columns]
    for row, start, stop in _groups(tops):
        for column in columns[start:stop] if stop > start + 1 else ():
            column[row] = ""  # is as wide as all of them
    if _total(columns) <= width:
        return _block_text(columns, is_number, tops)
    wrapping = [num_headers if number else len(columns[0]) for number in is_number]
    labels = _narrowed(columns[:num_labels], wrapping, width // 2)
    room = width - _total(labels) - len(GAP)
    others = zip(columns[num_labels:], wrapping[num_labels:], strict=True)
    cells = [_narrowed([column], [wrapped], room if wrapped > num_headers else 0)[0] for column, wrapped in others]
    in_blocks = _blocks([*labels, *cells], is_number, width, num_labels, tops)
    narrowed = _narrowed(columns, wrapping, width)
    in_one = _block_text(narrowed, is_number, tops)
    return in_one if _total(narrowed) <= width and in_one.count("\n") <= in_blocks.count("\n") else in_blocks


def num_labels_of(lines: Sequence[Sequence[object]]) -> int:
    """Number of leading columns that tell lines apart: names alone, or with the ids behind them."""
    return 1 if len({line[0] for line in lines}) == len(lines) else 2


def _groups(tops: Sequence[tuple[str, ...]]) -> list[tuple[int, int, int]]:
    """Upper headers, each of columns side by side: row, first column, and the column after the last."""
    groups: list[tuple[int, int, int]] = []
    for row in range(len(tops[0])):
        starts = [n for n, top in enumerate(tops) if n == 0 or top[: row + 1] != tops[n - 1][: row + 1]]
        of_row = pairwise([*starts, len(tops)])
        groups += [(row, start, stop) for start, stop in of_row if tops[start][row]]
    return groups


def _narrowed(columns: list[list[str]], wrapping: Sequence[int], width: int) -> list[list[str]]:
    """Columns with wrapped texts, until they fit a width or have few characters: headers of numbers, then the widest.

    Args:
        wrapping: number of leading texts of each column that may be wrapped.
    """

    def wrapped_at(index: int, limit: int) -> list[str]:
        texts, number = columns[index], wrapping[index]
        limit = max(limit, _width(texts[number:]))
        is_header = number < len(texts)
        return [*(_wrapped(text, limit, hyphens=is_header) for text in texts[:number]), *texts[number:]]

    least = [_width(wrapped_at(index, NARROWEST)) for index in range(len(columns))]
    limits = [_width(column) for column in columns]
    while _total(columns, limits) > width and (wide := [n for n, limit in enumerate(limits) if limit > least[n]]):
        limits[max(wide, key=lambda n: (wrapping[n] < len(columns[n]), limits[n]))] -= 1
    return [wrapped_at(index, limit) for index, limit in enumerate(limits)]


def _total(columns: Sequence[Sequence[str]], widths: Sequence[int] | None = None) -> int:
    """Characters of a line of columns side by side."""
    return sum(widths or map(_width, columns)) + len(GAP) * (len(columns) - 1)


def _blocks(
    columns: list[list[str]], is_number: list[bool], width: int, num_labels: int, tops: Sequence[tuple[str, ...]]
) -> str:
    """Blocks of as many columns as fit a line; each leaves out rows without a text in it."""
    labels, num_headers = list(range(num_labels)), len(tops[0]) + 1
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
        shown = list(map(list, zip(*rows, strict=True)))
        texts.append(_block_text(shown, [is_number[index] for index in block], [tops[index] for index in block]))
    return "\n\n".join(texts)


def _block_text(columns: list[list[str]], to_the_right: list[bool], tops: Sequence[tuple[str, ...]]) -> str:
    """Headers at the bottom of their lines, a rule, and rows at the top of theirs."""
    widths, num_headers, spans = [_width(column) for column in columns], len(tops[0]) + 1, {}
    for row, start, stop in _groups(tops):
        room = _total(columns[start:stop], widths[start:stop])
        spans[row, start] = (stop, _wrapped(tops[start][row], room, hyphens=True))
        widths[stop - 1] += max(0, _width([spans[row, start][1]]) - room)
    lines = []
    for number, row in enumerate(zip(_flowing(columns, num_headers), *columns[1:], strict=True)):
        cells, index = [], 0
        while index < len(row):
            stop, text = spans.get((number, index), (index + 1, row[index]))
            is_right = to_the_right[index] and stop == index + 1
            cells.append((text.split("\n"), _total(columns[index:stop], widths[index:stop]), is_right))
            index = stop
        step = 1 if number >= num_headers else -1
        for texts in list(zip_longest(*(text[::step] for text, _, _ in cells), fillvalue=""))[::step]:
            gaps = [" " * (size - _length(text)) for text, (_, size, _) in zip(texts, cells, strict=True)]
            aligned = zip(texts, gaps, cells, strict=True)
            lines.append(GAP.join(gap + text if right else text + gap for text, gap, (_, _, right) in aligned).rstrip())
        if number == num_headers - 1:
            lines.append(GAP.join("-" * size for size in widths))
    return "\n".join(lines)


def _flowing(columns: list[list[str]], num_headers: int) -> list[str]:
    """First column. A label goes on beside the next row where the label of that one is blank, as it is the same."""
    labels = list(columns[0])
    for row in range(num_headers, len(labels) - 1):
        height = max((column[row].count("\n") + 1 for column in columns[1:]), default=1)
        if not labels[row + 1]:
            lines = labels[row].split("\n")
            labels[row : row + 2] = "\n".join(lines[:height]), "\n".join(lines[height:])
    return labels


def _length(text: str) -> int:
    """Characters that are seen."""
    return len(STYLE.sub("", text))


def _width(column: Sequence[str]) -> int:
    return max((_length(line) for text in column for line in text.split("\n")), default=0)


def _wrapped(text: str, width: int, indent: str = "", *, hyphens: bool = False) -> str:
    """Text wrapped at spaces, vertical tabs and perhaps hyphens. A style of the whole text is one of each line."""
    styled = re.fullmatch(rf"({STYLE.pattern})([^\x1b]+)({STYLE.pattern})", text)
    before, text, after = styled.groups() if styled else ("", text, "")
    wrapper = textwrap.TextWrapper(width, subsequent_indent=indent, replace_whitespace=False, break_long_words=False)
    wrapper.break_on_hyphens = hyphens
    return "\n".join(f"{before}{line}{after}" for line in wrapper.wrap(text))
