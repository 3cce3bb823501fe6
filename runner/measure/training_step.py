"""A training step outside of a training: to measure its memory, and to find the micro-batch that fits."""

import contextlib
import gc
from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.optim import OptimConfig

PRECISIONS = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16, "32-true": torch.float32}
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


def fits_into_memory(function: Callable[[], object]) -> bool:
    """Whether a function does not exhaust the memory, which is released afterwards."""
    try:
        function()
        fits = True
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        fits = False
    release_memory()  # here: the error references the tensors
    return fits


def release_memory() -> None:
    gc.collect()
    torch.cuda.empty_cache()


class TrainingStep:
    """A training step in a given precision: forward, backward and update."""

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        loss: Callable[[Tensor], Tensor],
        device: torch.device,
        precision: torch.dtype,
    ) -> None:
        self.optimizer, self.loss, self.device, self.precision = optimizer, loss, device, precision
        # A larger scale can overflow float16 in the first step. The update, and with it the optimiser state, is then
        # skipped.
        self.scaler = torch.amp.GradScaler(device.type, init_scale=1.0, enabled=precision is torch.float16)

    def __call__(self, outputs: Callable[[], Tensor]) -> torch.optim.Optimizer:
        self.add_gradients(outputs)
        self.update()
        self.optimizer.zero_grad()
        return self.optimizer

    def add_gradients(self, outputs: Callable[[], Tensor]) -> None:
        """Execute the forward and the backward pass on the outputs of a function."""
        with mixed_precision(self.device, self.precision):
            loss = self.loss(outputs())
        self.scaler.scale(loss).backward()

    def update(self) -> None:
        """Update the parameters. Their gradients stay."""
        self.scaler.step(self.optimizer)
        self.scaler.update()


def dtype_on(device: torch.device, optim: OptimConfig | None) -> torch.dtype:
    """Type in which a recipe computes on a GPU; float32 on a CPU, and without a recipe."""
    return PRECISIONS[optim.precision] if device.type == "cuda" and optim is not None else torch.float32


def mixed_precision(device: torch.device, precision: torch.dtype) -> contextlib.AbstractContextManager[object]:
    """Autocast to a precision; no effect for float32."""
    return contextlib.nullcontext() if precision is torch.float32 else torch.autocast(device.type, dtype=precision)
