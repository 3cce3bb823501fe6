"""Memory that training takes at the paper's size: its peak where there is a GPU, and the bytes saved for backward.

The papers print "max CUDA memory" and state neither batch nor precision; ours says both.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from experiments.provenance import provenance
from experiments.run import RunConfig

GIB = 2**30


def saved_for_backward(run: RunConfig) -> int:
    """Bytes that autograd keeps for the backward pass of one clip in float32, weights not counted; shapes only."""
    with torch.device("meta"):
        model = _model(run)
        clip = torch.empty(1, run.data.frames, 3, run.data.crop, run.data.crop)
    weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage  # held, so that no other storage takes its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        model(clip)
    return sum(storage.nbytes() for storage in kept.values())


def peak_memory(run: RunConfig, batch_size: int) -> dict[str, object]:
    """Peak CUDA memory of a training step: forward, backward and update of AdamW, in the recipe's precision.

    Raises:
        OSError: where there is no GPU, or it is too small.
    """
    if not torch.cuda.is_available():
        raise OSError("memory is measured on a CUDA device and there is none; reports show – for it")
    precision = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16, "32-true": torch.float32}[run.optim.precision]
    device = torch.device("cuda")
    try:
        model = _model(run).to(device)
        optimizer, _ = run.optim.build(model.parameters(), steps_per_epoch=1.0)
        clips = torch.randn(batch_size, run.data.frames, 3, run.data.crop, run.data.crop, device=device)
        labels = torch.zeros(batch_size, dtype=torch.long, device=device)
        scaler = torch.amp.GradScaler("cuda", enabled=precision is torch.float16)
        for step in range(2):  # the second has the optimiser's state
            if step == 1:
                torch.cuda.reset_peak_memory_stats()
            with torch.autocast("cuda", dtype=precision, enabled=precision is not torch.float32):
                loss = F.cross_entropy(model(clips), labels)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
    except torch.OutOfMemoryError:
        raise OSError(f"{batch_size} clips do not fit into this GPU; use a smaller --batch") from None
    return {
        "peak_gib": torch.cuda.max_memory_allocated() / GIB,
        "batch_size": batch_size,
        "precision": run.optim.precision,
        **provenance(),
    }


def _model(run: RunConfig) -> nn.Module:
    num_classes = run.data.dataset.num_classes
    assert isinstance(num_classes, int)
    return run.model.build(frames=run.data.frames, crop=run.data.crop, num_classes=num_classes).train()
