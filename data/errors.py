"""Errors of reading data. A message is one line with the cause and the remedy."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Longer texts, such as a field of a broken file, are shortened in messages.
MAX_SHOWN = 200

DEFAULT_ALLOWED_SHARE = 0.01  # of a split that may be unreadable


class DataError(ValueError):
    """Data set that cannot be used as it is stored."""


class MissingAnnotationError(DataError):
    """Data set without the annotation file of a split."""


class AbsentVideosError(DataError):
    """Data set without any video of a split."""


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


def allowed_number(num_items: int, allowed: int | None) -> int:
    """Largest number of unreadable items of a split; 1 % of the split if None is given."""
    return int(DEFAULT_ALLOWED_SHARE * num_items) if allowed is None else allowed


def shortened(text: str) -> str:
    """Text in one line for a message: control characters are escaped, the middle of a long text is left out."""
    if len(text) > MAX_SHOWN:
        text = f"{text[: MAX_SHOWN * 3 // 4]}...{text[-MAX_SHOWN // 4 :]}"
    return escaped(text)


def escaped(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Context of reading an annotation file, in which any error becomes a `DataError` that names the file."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # a damaged file may raise anything
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"{path}: cannot be read ({error.strerror}); check the file and its rights") from error
        raise DataError(f"{path}: {shortened(str(error))}; get the file again") from error


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Context of reading an item, in which any error becomes a `DecodeError`: a run counts the item as unreadable."""
    try:
        yield
    except DecodeError:
        raise
    except FileNotFoundError:
        raise DecodeError(name, "no such file", missing=True) from None
    except Exception as error:  # a damaged file may raise anything
        reason = error.strerror if isinstance(error, OSError) else None  # None also for pictures that are cut short
        raise DecodeError(name, reason or f"{error}; get the file again") from error


def number_of(count: int, unit: str) -> str:
    """Count with its unit, a plural noun."""
    return f"{count:,} {unit.removesuffix('s') if count == 1 else unit}"
