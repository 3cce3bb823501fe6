"""The command line: `reproduce VERB` or `python -m reproduce VERB`."""
