"""Videos read by torchcodec have the frames of ours: on the CPU the same pixels, on a GPU nearly."""

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import cast

import numpy as np
import pytest
from torch.utils.data import DataLoader

from data.datasets.videos import Span, VideoRecord
from data.errors import DataError
from data.video.copies import copy_text
from data.video.frame_sources import opened
from experiments.spec.catalog import find
from experiments.spec.scales import PAPER
from runner.machine.resources import Resources
from runner.store.jobs import jobs_of
from tests.data.numbered_videos import B_FRAMES, CODECS, all_frames, numbers, write_video

CLIPS = ["test.mp4", "test_video_structuralize.mp4", "part_0.mp4", "test.avi"]


@pytest.fixture
def torchcodec(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        import torchcodec.decoders  # noqa: F401  # pyright: ignore[reportMissingImports]
    except (ImportError, RuntimeError) as error:  # RuntimeError: without FFmpeg's libraries
        pytest.skip(f"torchcodec cannot be imported: {str(error).strip().splitlines()[0]}")
    monkeypatch.setenv("VIDEO_READER", "torchcodec")


def record(path: Path, span: Span | None = None) -> VideoRecord:
    return VideoRecord(str(path), 0, path.stem, span)


@pytest.mark.usefixtures("torchcodec")
@pytest.mark.parametrize("kind", ["h264", "h264 in matroska", "h264 in a transport stream", "hevc", "vp9"])
def test_frames_are_ours(kind: str, tmp_path: Path) -> None:
    codec, options, suffix = CODECS[kind]
    path = write_video(tmp_path / f"a.{suffix}", codec=codec, options=options)
    expected = all_frames(path)
    with opened(record(path)) as video:
        for indices in ([39, 3, 3], [12], list(range(40))):
            np.testing.assert_array_equal(video.frames(indices).permute(0, 2, 3, 1).numpy(), expected[indices])


@pytest.mark.usefixtures("torchcodec")
def test_a_part_has_its_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 210, options=B_FRAMES)
    with opened(record(path, Span(3.0, 5.0, 30))) as part:
        assert numbers(part.frames([0, 17, 90])) == [90, 107, 149]


@pytest.mark.usefixtures("torchcodec")
@pytest.mark.parametrize("name", CLIPS)
def test_frames_of_real_clips_are_ours(name: str, clips: Path) -> None:
    assert difference(clips / name) == 0


@pytest.mark.gpu
@pytest.mark.usefixtures("torchcodec")
@pytest.mark.parametrize("name", CLIPS)
def test_frames_of_a_gpu_are_nearly_ours(name: str, clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEO_READER", "torchcodec:cuda")
    mean = difference(clips / name)
    print(f"{name}: {mean:.2f} grey levels apart in a mean")
    assert mean < 3


def difference(path: Path) -> float:
    """Mean absolute difference between the chosen reader and ours, in grey levels."""
    with opened(record(path)) as video:
        indices = np.random.default_rng(0).integers(0, video.timeline.num_frames, 12)
        frames = video.frames(indices).float()
    chosen = os.environ.pop("VIDEO_READER")
    with opened(record(path)) as video:
        ours = video.frames(indices).float()
    os.environ["VIDEO_READER"] = chosen
    return (frames - ours).abs().mean().item()


def test_the_reader_is_recorded_with_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [record(write_video(tmp_path / "a.mp4", options=B_FRAMES))]
    assert copy_text(records) == "mp4 with h264, short side 48 (1 video)"
    monkeypatch.setenv("VIDEO_READER", "torchcodec:cuda")
    assert copy_text(records) == "mp4 with h264, short side 48 (1 video), read by torchcodec:cuda"


def test_what_cannot_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = write_video(tmp_path / "a.mp4")
    monkeypatch.setenv("VIDEO_READER", "decord")
    with pytest.raises(DataError, match="VIDEO_READER=decord: it is one of torchcodec, torchcodec:cuda, or not set"):
        opened(record(video))
    monkeypatch.setenv("VIDEO_READER", "torchcodec")
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", None)
    with opened(record(video)) as source, pytest.raises(DataError, match=r"cannot be imported \(.*\); unset it"):
        source.frames([0])

    def decoder_of_a_build_without_cuda(*words: object, **options: object) -> None:
        raise RuntimeError("validateDeviceInterface: Unsupported device: cuda")

    monkeypatch.setenv("VIDEO_READER", "torchcodec:cuda")
    monkeypatch.setitem(sys.modules, "torchcodec", ModuleType("torchcodec"))
    build = SimpleNamespace(VideoDecoder=decoder_of_a_build_without_cuda)
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", cast(ModuleType, build))
    with (
        opened(record(video)) as source,
        pytest.raises(DataError, match="asks for CUDA, which this build of torchcodec"),
    ):
        source.frames([0])


def test_a_gpu_decodes_in_the_process_of_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = jobs_of(find(["motionformer/table4:joint"]), PAPER, [], (0,))[0].run.data
    monkeypatch.setenv("VIDEO_READER", "torchcodec:cuda")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert Resources(devices=1).num_workers(data) == 0
    records = (record(write_video(tmp_path / "a.mp4")),)
    loader = DataLoader(
        records,  # pyright: ignore[reportArgumentType]
        num_workers=1,
        collate_fn=lambda one: opened(one[0]),
        multiprocessing_context="fork",
    )
    with pytest.raises(DataError, match=r"VIDEO_READER=torchcodec:cuda: .* use --workers 0"):
        next(iter(loader))
