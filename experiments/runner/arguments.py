"""Command line arguments about the machine, shared by `reproduce` and by the processes that it starts."""

import argparse


def add_resources(parser: argparse.ArgumentParser) -> None:
    """Add the options about devices and data sets, the same for every verb that computes."""
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="where a data set lies")
    parser.add_argument("--devices", type=int, help="devices a node (default: all GPUs, or one CPU process)")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--micro-batch", type=int, help="clips a device and step (default: what fits)")
    parser.add_argument(
        "--recompute",
        action="store_true",
        help="recompute attention in the backward pass: less memory, same results",
    )
    parser.add_argument("--workers", type=int, help="loading processes a device")
    parser.add_argument("--threads", type=int, help="CPU threads a process")
    parser.add_argument("--allow-bad", type=int, help="unreadable videos to accept (default: 1 %%)")


def child_arguments(options: argparse.Namespace) -> list[str]:
    """The arguments of a training process, beside those that name its cell."""
    words = ["--scale", options.scale, *(["--eval-only"] if options.eval_only else [])]
    for override in options.overrides:
        words += ["-o", override]
    for root in options.data:
        words += ["--data", root]
    for name in ("devices", "nodes", "micro_batch", "workers", "allow_bad"):
        if getattr(options, name) is not None:
            words += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    if options.recompute:
        words.append("--recompute")
    return words
