"""Command line options that several programs share; imports nothing heavy."""

import argparse


def add_resources(parser: argparse.ArgumentParser) -> None:
    """The options that say what the machine lends; the same for every verb that computes."""
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="where a data set lies")
    parser.add_argument("--devices", type=int, help="devices a node (default: all GPUs, or one CPU process)")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--micro-batch", type=int, help="clips a device and step (default: what fits)")
    parser.add_argument("--workers", type=int, help="loading processes a device")
    parser.add_argument("--threads", type=int, help="CPU threads a process")
    parser.add_argument("--allow-bad", type=int, help="unreadable videos to accept (default: 1 %%)")
