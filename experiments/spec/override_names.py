"""Names of overrides of more than one value. They are in a file of their own because the command line imports no model."""

FINE_TUNE = "parents=row"  # the run itself becomes the parent, so that it starts from the weights of the row
OWN_DATA = "data="  # and a folder: videos of the user's own in place of the data set
