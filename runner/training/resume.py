"""Check of a checkpoint before a training resumes from it."""

import errno
import sys
from pathlib import Path

import torch

from models.checkpoints import check_checksums
from runner.machine.process import NOTE_PREFIX

PREVIOUS = "previous.ckpt"  # file of the checkpoint before the last one
# Fields of Lightning's checkpoints that a resumed training reads.
CHECKPOINT_FIELDS = {
    "state_dict": dict, "optimizer_states": list, "lr_schedulers": list, "loops": dict, "callbacks": dict, "epoch": int,
    "global_step": int,
}  # fmt: skip


def checkpoint_problem(path: Path) -> str | None:
    """Reason why a training cannot be resumed from a checkpoint; None if it can, or if there is no file.

    Every record is compared with its checksum. The content is mapped into memory, and only its top level is read.
    """
    try:
        check_checksums(path)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        return None
    except Exception as error:  # damaged files raise errors of many types
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno != errno.EINVAL):
            raise
        return "is cut short or damaged"
    fits = isinstance(content, dict) and all(isinstance(content.get(k), kind) for k, kind in CHECKPOINT_FIELDS.items())
    return None if fits else "is no checkpoint of a training"


def resumable(checkpoint: Path, *, renames: bool) -> Path | None:
    """Checkpoint from which a training can be resumed; None if the training starts from its beginning.

    A damaged checkpoint is renamed, and the user is told. The one before it then takes its place.

    Args:
        renames: whether this process renames it. With several processes, only one does.
    """
    problem, previous = checkpoint_problem(checkpoint), checkpoint.with_name(PREVIOUS)
    if problem is None and checkpoint.exists():
        return checkpoint
    found = None if checkpoint == previous else resumable(previous, renames=renames)
    if problem is not None and renames:
        aside = checkpoint.with_name(f"{checkpoint.name}.damaged")
        checkpoint.replace(aside)
        fate = "starts again from its beginning" if found is None else f"goes on from {found.name}, the one before it"
        print(
            f"{NOTE_PREFIX}{checkpoint} {problem}; it was renamed to {aside.name}, and the training {fate}",
            file=sys.stderr,
        )
    return found
