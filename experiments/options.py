"""Command line options that several programs share; imports nothing heavy."""

import argparse
import os


def add_resources(parser: argparse.ArgumentParser) -> None:
    """The options that say what the machine lends; the same for every verb that computes."""
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="where a data set lies")
    parser.add_argument("--devices", type=int, help="devices a node (default: all GPUs, or one CPU process)")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--micro-batch", type=int, help="clips a device and step (default: what fits)")
    parser.add_argument(
        "--recompute",
        action="store_true",
        help="compute trajectory attention twice: less memory, same results",
    )
    parser.add_argument("--workers", type=int, help="loading processes a device")
    parser.add_argument("--threads", type=int, help="CPU threads a process")
    parser.add_argument("--allow-bad", type=int, help="unreadable videos to accept (default: 1 %%)")


def add_query(parser: argparse.ArgumentParser) -> None:
    """The options that name a point of a test video, and whose attention is meant; all are counted from 0."""
    parser.add_argument(
        "--video",
        metavar="ID",
        help="a test video, by its id, or by its place as @12 (default: the drawn one, or @0)",
    )
    parser.add_argument(
        "--query", metavar="X,Y", help="the point, as shares of width and height (default: the drawn one, or 0.5,0.5)"
    )
    parser.add_argument("--frame", type=int, help="token frame that holds the point (default: 0)")
    parser.add_argument("--block", type=int, help="block of the model (default: the one before its last)")
    parser.add_argument("--head", type=int, help="head of the block (default: the mean of all)")


def child_arguments(options: argparse.Namespace) -> list[str]:
    """What `reproduce run` tells each training process beside its cell."""
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


def without_jit() -> None:
    """Keep torch 2.14, in this process before it imports it and in those that it starts, from compiling Triton kernels.

    It would for some products of a single clip, which fails without a compiler and Python's headers
    (https://github.com/pytorch/pytorch/issues/196977).
    """
    os.environ.setdefault("TORCH_DISABLE_NATIVE_JIT", "1")
