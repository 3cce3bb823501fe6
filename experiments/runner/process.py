"""Conventions by which the process of a run tells its launcher how it ended."""

ERROR_PREFIX = "error: "  # of the last line of a process that failed
CLAIMED_ELSEWHERE = 75  # exit code of a process whose run is locked by another process
