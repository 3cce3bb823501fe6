"""Weights of runs: initial, trained and released."""
