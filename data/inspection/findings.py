"""Findings of an inspection: of data, or of what a run needs beside them."""

from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "ok"]


class Finding(NamedTuple):
    """Result of one check: an error if a run cannot be carried out with it, a warning if its results may differ."""

    severity: Severity
    subject: str
    what: str
    remedy: str = ""

    @classmethod
    def of_error(cls, subject: str, error: Exception) -> "Finding":
        """Error as a finding. Messages are written as `cause; remedy`."""
        what, _, remedy = str(error).removeprefix(f"{subject}: ").partition("; ")
        return cls("error", subject, what, remedy)
