"""Entry point `python -m reproduce VERB`, equal to the console script `reproduce`."""

from reproduce.command import command

command()
