"""Execution of runs: training and tests, the store of runs and results, and measurements."""
