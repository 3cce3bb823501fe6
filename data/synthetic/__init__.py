"""Stand-in data sets: encoded videos in the layouts of the real data sets, generated from a seed."""
