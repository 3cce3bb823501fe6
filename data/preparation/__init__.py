"""Copies of data sets that are cheap to read."""
