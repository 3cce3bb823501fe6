"""Messages of one line."""

LONGEST = 1000  # number of characters; the start names the thing, the end the remedy


def one_line(text: object) -> str:
    """Text in one line with control characters escaped. The middle of more than LONGEST characters is left out."""
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(str(text).split()))
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"
