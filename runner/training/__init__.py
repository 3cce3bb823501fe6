"""Training and test of one run."""
