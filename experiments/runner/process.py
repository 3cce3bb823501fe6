"""Exit code and log prefix by which the process of a run reports its result to the launcher."""

ERROR_PREFIX = "error: "  # of the last line that a failed process prints
CLAIMED_ELSEWHERE = 75  # exit code if another process has locked the run
