"""Guessing the Mean: the made-up sixth paper."""
