"""Settings of the stand-in data sets. `drawing` makes their files, if they are not in the cache."""
