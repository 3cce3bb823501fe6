"""Predicting a Weighted Sum: the made-up sixth paper."""
