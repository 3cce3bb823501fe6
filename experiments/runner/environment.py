"""Environment variables that torch reads when it is imported."""

import os


def disable_native_jit() -> None:
    """Keep torch 2.14, in this process and in those that it starts, from compiling Triton kernels.

    It would for some products of a single clip, which fails without a compiler and Python's headers
    (https://github.com/pytorch/pytorch/issues/196977). To be called before torch is imported.
    """
    os.environ.setdefault("TORCH_DISABLE_NATIVE_JIT", "1")
