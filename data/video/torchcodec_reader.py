"""Video files decoded by torchcodec, on a GPU (NVDEC) or the CPU, if the variable `VIDEO_READER` asks for it."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import get_worker_info

from data.errors import DataError, DecodeError
from data.video.decode import VideoFile

if TYPE_CHECKING:
    from torchcodec.decoders import VideoDecoder  # pyright: ignore[reportMissingImports]

DEVICES = {"torchcodec": "cpu", "torchcodec:cuda": "cuda"}


class TorchcodecFile(VideoFile):
    """Video file whose table of frames is that of `VideoFile`, and whose pixels are torchcodec's.

    A GPU converts to RGB by itself: its pixels differ from those of a CPU. A file without valid presentation times is
    decoded by `VideoFile`.
    """

    def __init__(self, path: str, part: tuple[float, float] | None, reader: str) -> None:
        if reader not in DEVICES:
            raise DataError(f"VIDEO_READER={reader}: it is one of {', '.join(DEVICES)}, or not set")
        if DEVICES[reader] == "cuda" and get_worker_info() is not None:
            raise DataError(f"VIDEO_READER={reader}: a GPU decodes in the process of the training; use --workers 0")
        super().__init__(path, part)
        self.device = DEVICES[reader]

    @cached_property
    def decoder(self) -> "VideoDecoder":
        try:
            from torchcodec.decoders import VideoDecoder  # pyright: ignore[reportMissingImports]
        except (ImportError, RuntimeError) as error:
            text = str(error).strip().splitlines()[0]
            raise DataError(f"VIDEO_READER asks for torchcodec, which cannot be imported ({text}); unset it") from error
        try:
            return VideoDecoder(self.path, stream_index=self.stream.index, num_ffmpeg_threads=1, device=self.device)
        except RuntimeError as error:
            if "Unsupported device" not in str(error):
                raise
            text = "VIDEO_READER asks for CUDA, which this build of torchcodec lacks; set it to torchcodec, or unset it"
            raise DataError(text) from error

    def frames(self, indices: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """As those of `VideoFile`, on the CPU."""
        if self.is_numbered:
            return super().frames(indices)
        requested = [self.table.pts(self.table.shown[min(int(index), len(self.table) - 1)]) for index in indices]
        try:
            # Half a tick later, no rounding can give the frame before.
            batch = self.decoder.get_frames_played_at([(pts + 0.5) * self.tick_seconds for pts in requested])
        except RuntimeError as error:
            raise DecodeError(self.name, str(error).strip().splitlines()[0]) from error
        apart = np.abs(batch.pts_seconds.numpy() - np.array(requested) * self.tick_seconds)
        if apart.max() > 0.5 * self.tick_seconds:
            raise DecodeError(self.name, f"{self.place(requested[int(apart.argmax())])} cannot be decoded")
        return batch.data.cpu()
