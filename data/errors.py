"""What goes wrong with data, each as one line that names the thing and the remedy."""


class DataError(ValueError):
    """A data set that cannot be used as it lies."""


class MissingAnnotationError(DataError):
    """A data set without the annotation file of a split."""


class DecodeError(DataError):
    """A video that cannot be read; keeps the path and the first real error."""

    def __init__(self, path: str, reason: str, missing: bool = False) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.missing = missing

    def __reduce__(self) -> tuple[type["DecodeError"], tuple[str, str, bool]]:
        """Pickled by its parts, so that it comes whole out of a worker process."""
        return type(self), (self.path, self.reason, self.missing)
