"""Reading of data sets, from files on disk to tensors. The files are stored outside of this package."""
