"""Propagation of the labels of a first frame through a video by the similarity of patches. Nothing is trained."""
