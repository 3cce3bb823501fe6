"""Files of the stand-in data sets: encoded videos in the layouts of the real data sets, drawn from a seed."""
