"""Errors of reading data. A message is one line with the cause and the remedy."""

# Longer texts, such as a field of a broken file, are shortened in messages.
MAX_SHOWN = 200


class DataError(ValueError):
    """Data set that cannot be used as it is stored."""


class MissingAnnotationError(DataError):
    """Data set without the annotation file of a split."""


class DecodeError(DataError):
    """Video that cannot be read. Stores the path and the first error."""

    def __init__(self, path: str, reason: str, missing: bool = False) -> None:
        super().__init__(f"{shortened(path)}: {shortened(reason)}")
        self.path = path
        self.reason = reason
        self.missing = missing

    def __reduce__(self) -> tuple[type["DecodeError"], tuple[str, str, bool]]:
        """Pickle by constructor arguments, so that worker processes return the error with all attributes."""
        return type(self), (self.path, self.reason, self.missing)


def shortened(text: str) -> str:
    """Text in one line for a message: control characters are escaped, the middle of a long text is left out."""
    if len(text) > MAX_SHOWN:
        text = f"{text[: MAX_SHOWN * 3 // 4]}...{text[-MAX_SHOWN // 4 :]}"
    return escaped(text)


def escaped(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
