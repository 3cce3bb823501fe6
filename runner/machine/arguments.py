"""Command line arguments about the machine, common to `reproduce` and the training processes that it starts."""

import argparse


def add_resources(parser: argparse.ArgumentParser) -> None:
    """Add the options for devices and data sets. They are the same for all commands that compute."""
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="directory of a data set")
    parser.add_argument("--devices", type=int, help="devices per node (default: all GPUs, or one CPU process)")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--micro-batch", type=int, help="items per device and step (default: by their size)")
    parser.add_argument(
        "--recompute",
        action="store_true",
        help="recompute attention in the backward pass: less memory, same results",
    )
    parser.add_argument("--workers", type=int, help="data loading processes per device")
    parser.add_argument("--threads", type=int, help="CPU threads per process")
    parser.add_argument("--allow-bad", type=int, help="unreadable videos to accept (default: 1 %%)")


def add_eval_only(parser: argparse.ArgumentParser) -> None:
    """Add testing without training."""
    parser.add_argument("--eval-only", action="store_true", help="test existing weights without training")


def child_arguments(options: argparse.Namespace) -> list[str]:
    """Arguments of a training process, except those that identify its cell."""
    arguments = ["--scale", options.scale, *(["--eval-only"] if options.eval_only else [])]
    for override in options.overrides:
        arguments += ["-o", override]
    for root in options.data:
        arguments += ["--data", root]
    for name in ("devices", "nodes", "micro_batch", "workers", "allow_bad"):
        if getattr(options, name) is not None:
            arguments += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    if options.recompute:
        arguments.append("--recompute")
    return arguments
