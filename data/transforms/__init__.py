"""Transforms of the pixels of clips, and of points in them."""
