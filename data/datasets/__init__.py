"""One reader per data set, for the authors' own annotation format."""
