"""Messages of one line."""

from data.errors import escaped

LONGEST = 1000  # number of characters; the start names the thing, the end the remedy


def one_line(text: object) -> str:
    """Text in one line with control characters escaped. The middle of more than LONGEST characters is left out."""
    line = escaped(" ".join(str(text).split()))
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"
