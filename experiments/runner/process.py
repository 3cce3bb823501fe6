"""Exit code and log prefixes by which the process of a run reports to the launcher."""

ERROR_PREFIX = "error: "  # of the last line that a failed process prints
NOTE_PREFIX = "note: "  # of lines that the launcher shows to the user
CLAIMED_ELSEWHERE = 75  # exit code if another process has locked the run
