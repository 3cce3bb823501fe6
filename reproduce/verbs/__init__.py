"""The verbs of the command, one a file, or several that work alike."""
