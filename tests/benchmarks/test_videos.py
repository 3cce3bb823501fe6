"""`python -m benchmarks reading` and `pipeline`: libraries with equal pixels, and clips of the recipes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import pipeline, released_pipelines
from benchmarks.__main__ import main
from tests.data.numbered_videos import B_FRAMES, write_video


@pytest.fixture(autouse=True)
def with_its_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", ["reading", "pipeline"])
def test_a_missing_video_is_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, str(tmp_path / "no.mp4")]) == 3
    assert "no.mp4" in capsys.readouterr().err.splitlines()[-1]


def test_libraries_are_timed_on_the_same_pixels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = write_video(tmp_path / "a.mp4", 80, options=B_FRAMES)
    page = tmp_path / "page.md"
    assert main(["reading", str(video), "--save", str(page)]) == 0
    lines = [line.split("|") for line in page.read_text().splitlines() if line.startswith("| a.mp4, h264, 128 x 48")]
    assert [(line[2].strip(), line[-2].strip()) for line in lines] == [("8 x 8", "0"), ("16 x 4", "0"), ("32 x 2", "0")]
    assert all(" (1.0)" in line[3] for line in lines)


def test_clips_of_the_recipes_are_timed_from_all_copies(tmp_path: Path) -> None:
    copies = pipeline.copies(write_video(tmp_path / "a.mp4", 80, options=B_FRAMES), tmp_path)
    assert list(copies) == ["128 x 48", "1280 x 720"]
    for recipe in pipeline.RECIPES:
        assert pipeline.timed(recipe, str(copies["128 x 48"].prepared), epoch=0) > 0, recipe


@pytest.mark.parametrize("recipe", pipeline.RECIPES)
def test_the_released_operations_give_a_normalised_clip(recipe: str) -> None:
    frames, _, operations = released_pipelines.PIPELINES[recipe]
    video = np.random.default_rng(0).integers(0, 256, (frames, 256, 340, 3), np.uint8)
    for _ in range(3):
        clip = operations(video)
        assert clip.shape == (frames, 3, 224, 224) and clip.dtype == torch.float32
        assert clip.abs().max() < 5
