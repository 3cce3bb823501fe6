"""Exit codes of the command."""

DONE, FAILED, USAGE, UNUSABLE, INTERRUPTED = 0, 1, 2, 3, 130
