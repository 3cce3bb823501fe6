"""Exit codes and log prefixes by which the process of a run reports to the launcher."""

ERROR_PREFIX = "error: "  # of the last line that a failed process prints
NOTE_PREFIX = "note: "  # of lines that the launcher shows to the user
PROGRESS_PREFIX = "progress: "  # of lines that the launcher shows where it draws no bars
CLAIMED_ELSEWHERE = 75  # exit code if another process has locked the run
OUT_OF_MEMORY = 76  # exit code if the memory of a device is exhausted, and a new process goes on with a smaller batch
