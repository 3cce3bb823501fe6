"""Environment variables that torch reads at import."""

import os


def disable_native_jit() -> None:
    """Disable torch 2.14's compilation of Triton kernels, in this process and its children.

    Torch compiles them for some matrix products of a single clip. This fails without a compiler and Python's headers
    (https://github.com/pytorch/pytorch/issues/196977). Call this before torch is imported. Modules that import
    it at their top set the variable above.
    """
    os.environ.setdefault("TORCH_DISABLE_NATIVE_JIT", "1")
