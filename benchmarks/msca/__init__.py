"""Benchmark cases of MSCA and TokenShift."""
