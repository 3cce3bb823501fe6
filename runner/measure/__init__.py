"""Measurements of time and memory, and closed values that are kept."""
