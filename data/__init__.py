"""Videos from disk to tensors; the videos themselves live elsewhere."""
