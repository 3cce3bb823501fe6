"""Ours against the plain published formulation, paired in one run: `python -m benchmarks`."""
