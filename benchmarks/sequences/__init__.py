"""Benchmarks of attention over long sequences."""
