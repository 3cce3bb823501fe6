"""Reader of Pathfinder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.datasets.pathfinder import Pathfinder
from data.errors import DecodeError
from data.stand_ins.of_sequences import PathfinderStandIn

SMALL = PathfinderStandIn(num_train=16, num_val=2, contour=6)
CONFIG = Pathfinder.Config(stand_in=None, test_batch=None, split_rule="as listed")


def write(root: Path, count: int = 10, level: str = "curv_contour_length_14") -> Path:
    """Pictures whose first pixel is their number, in the layout of the release."""
    folder = root / level
    (folder / "imgs" / "1").mkdir(parents=True)
    (folder / "metadata").mkdir()
    for number in range(count):
        Image.fromarray(np.full((32, 32), number, np.uint8)).save(folder / "imgs" / "1" / f"sample_{number}.png")
    lines = [f"imgs/1 sample_{number}.png {number} {number % 2} 1.0 14 4 2 0.5 1 2" for number in range(count)]
    (folder / "metadata" / "1.npy").write_text("\n".join(lines) + "\n")
    return folder


def test_splits_are_tenths_and_pixels_are_ids(tmp_path: Path) -> None:
    write(tmp_path / "pathfinder32")
    items = {split: CONFIG.build(tmp_path, split) for split in ("train", "val", "test")}
    assert [len(items[split]) for split in items] == [8, 1, 1]
    (ids,) = items["test"].tokens(0)
    assert ids.shape == (1024,) and set(ids) == {9} and items["test"].label(0) == 1
    assert items["train"].files() is not None and items["train"].ids[3] == "imgs/1/sample_3.png"


def test_shuffled_splits_are_disjoint_and_the_same_each_time(tmp_path: Path) -> None:
    write(tmp_path)
    config = replace(CONFIG, split_rule="shuffled")
    names = [config.build(tmp_path, split).ids for split in ("train", "val", "test")]
    assert len({name for ids in names for name in ids}) == 10
    assert names == [config.build(tmp_path, split).ids for split in ("train", "val", "test")]
    assert names[0] != CONFIG.build(tmp_path, "train").ids


def test_annotations_may_be_an_array(tmp_path: Path) -> None:
    folder = write(tmp_path)
    lines = (folder / "metadata" / "1.npy").read_text().splitlines()
    expected = CONFIG.build(tmp_path, "train").fingerprint
    np.save(folder / "metadata" / "1.npy", np.array([line.split() for line in lines]))
    assert CONFIG.build(tmp_path, "train").fingerprint == expected


def test_squares_of_pixels_are_averaged(tmp_path: Path) -> None:
    write(tmp_path)
    (ids,) = replace(CONFIG, pool=2).build(tmp_path, "train").tokens(4)
    assert ids.shape == (256,) and set(ids) == {4}
    with pytest.raises(ValueError, match=r"data\.dataset\.pool is 3"):
        replace(CONFIG, pool=3).check()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "0 bytes; get it again"), (b"\x89PNG\r\n\x1a\n", "sample_2"), (b"text", "get the file again")],
)
def test_damaged_pictures_are_named(content: bytes, message: str, tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "imgs" / "1" / "sample_2.png").write_bytes(content)
    with pytest.raises(DecodeError, match=message) as error:
        CONFIG.build(tmp_path, "train").tokens(2)
    assert "sample_2.png" in str(error.value) and "\n" not in str(error.value) and not error.value.missing
    (folder / "imgs" / "1" / "sample_2.png").unlink()
    with pytest.raises(DecodeError) as error:
        CONFIG.build(tmp_path, "train").tokens(2)
    assert error.value.missing


def test_the_level_is_that_of_the_generated_pictures() -> None:
    with pytest.raises(ValueError, match=r"data\.dataset\.level is curv_contour_length_14"):
        Pathfinder.Config(stand_in=SMALL).check()
