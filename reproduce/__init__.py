"""Command line: `reproduce VERB` or `python -m reproduce VERB`."""
