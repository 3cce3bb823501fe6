"""Ours against the plain published formulation, paired in one run: `python -m benchmarks`."""

import experiments  # noqa: F401  sets what torch reads when it is imported
