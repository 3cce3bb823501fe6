"""One reader a data set, in the authors' own annotation format."""
