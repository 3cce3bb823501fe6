"""WHAT the models compute: pure torch, importing none of the other packages."""
