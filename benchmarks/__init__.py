"""Benchmarks of our implementations against the published formulations: `python -m benchmarks`."""
