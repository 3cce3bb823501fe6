"""Errors that say that memory is exhausted, and the release of memory after one."""

import gc

import torch

# Libraries report the lack of memory for themselves, or for their workspace, in words of their own.
LIBRARY_ERRORS = (
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "unable to find an engine to execute this computation",  # cuDNN, if no workspace of a convolution fits
    "Cuda failure 2 'out of memory'",  # NCCL
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of a device or of the CPU is exhausted."""
    from lightning.pytorch.utilities.memory import is_oom_error  # here: it is slow to import

    if isinstance(error, torch.OutOfMemoryError) or is_oom_error(error):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in LIBRARY_ERRORS)


def release_memory() -> None:
    """Release the memory of unreachable tensors. Call this outside of the handler of the error that refers to them."""
    gc.collect()
    torch.cuda.empty_cache()
