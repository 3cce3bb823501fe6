"""Settings of the stand-in data sets. `data.synthetic` draws them, if their files are not in the cache."""
