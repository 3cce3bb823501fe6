"""Errors of reading data. A message is one line with the cause and the remedy."""


class DataError(ValueError):
    """Data set that cannot be used as it is stored."""


class MissingAnnotationError(DataError):
    """Data set without the annotation file of a split."""


class DecodeError(DataError):
    """Video that cannot be read. Stores the path and the first error."""

    def __init__(self, path: str, reason: str, missing: bool = False) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.missing = missing

    def __reduce__(self) -> tuple[type["DecodeError"], tuple[str, str, bool]]:
        """Pickle by constructor arguments, so that worker processes return the error with all attributes."""
        return type(self), (self.path, self.reason, self.missing)
