"""Execution of specs: training and testing, the store of runs and results, measurements."""
