"""Stand-in data sets: real encoded videos in the real data sets' layouts, generated from a seed."""
