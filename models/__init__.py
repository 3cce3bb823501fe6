"""Models in pure torch, which import none of the other packages."""
