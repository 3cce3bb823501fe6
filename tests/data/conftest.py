"""Small data sets, and the real clips if they are available."""

import shutil
from pathlib import Path

import pytest

from tests.data.numbered_videos import write_video
from tests.data.pose_files import Places, write_penn


@pytest.fixture
def kinetics_root(tmp_path: Path) -> Path:
    """Kinetics list of 22 training and 5 validation videos of 20 to 45 frames; video i has the label i % 3."""
    for split, count in (("train", 22), ("val", 5)):
        lines = []
        for number in range(count):
            name = f"{split}/{number}.mp4"
            if number < 6:
                write_video(tmp_path / name, 20 + 5 * number, options={"g": "12", "preset": "ultrafast"})
            else:
                shutil.copy(tmp_path / split / f"{number % 6}.mp4", tmp_path / name)
            lines.append(f"{name} {number % 3}")
        (tmp_path / f"{split}.csv").write_text("\n".join(lines))
    return tmp_path


@pytest.fixture
def penn(tmp_path: Path) -> Path:
    return tmp_path / "penn"


@pytest.fixture
def written(penn: Path) -> dict[str, Places]:
    """Places of the joints of the videos of a small Penn Action, by name."""
    return write_penn(penn)
