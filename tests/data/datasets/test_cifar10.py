"""Reader of CIFAR-10."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.datasets.cifar10 import Cifar10, grey
from data.errors import DataError

CONFIG = Cifar10.Config(test_batch=None)
NAMES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")


def batches(count: int = 4) -> dict[str, tuple[list[int], np.ndarray]]:
    """Labels and colours of small batches."""
    rng = np.random.default_rng(0)
    return {
        name: (rng.integers(0, 10, count).tolist(), rng.integers(0, 256, (count, 3072), dtype=np.uint8))
        for name in NAMES
    }


def write_binary(root: Path) -> None:
    root.mkdir(exist_ok=True)
    for name, (labels, colours) in batches().items():
        rows = (bytes([label]) + row.tobytes() for label, row in zip(labels, colours, strict=True))
        (root / f"{name}.bin").write_bytes(b"".join(rows))


def write_pickles(root: Path, protocol: int) -> None:
    root.mkdir(exist_ok=True)
    for name, (labels, colours) in batches().items():
        batch = {b"batch_label": b"batch", b"labels": labels, b"data": colours, b"filenames": [b"a.png"] * len(labels)}
        (root / name).write_bytes(pickle.dumps(batch, protocol))


@pytest.mark.parametrize("protocol", [2, 5])
def test_both_versions_have_the_same_pictures(protocol: int, tmp_path: Path) -> None:
    write_binary(tmp_path / "cifar-10-batches-bin")
    expected = CONFIG.build(tmp_path, "train")
    write_pickles(tmp_path / "other", protocol)
    items = CONFIG.build(tmp_path / "other", "train")
    assert items.fingerprint == expected.fingerprint and len(items) == 18
    assert len(CONFIG.build(tmp_path, "val")) == 2 and len(CONFIG.build(tmp_path, "test")) == 4
    assert items.label(0) == batches()["data_batch_1"][0][0]


def test_pixels_are_grey_row_by_row() -> None:
    colours = np.zeros((2, 3, 32, 32), np.uint8)
    colours[0, 0, 0, 1], colours[0, 1, 1, 0], colours[0, 2, 2, 0] = 255, 255, 255
    colours[1] = 255
    pixels = grey(colours.reshape(2, -1))
    assert [pixels[0, 0, 1], pixels[0, 1, 0], pixels[0, 2, 0]] == [76, 149, 29]  # rounded down
    assert set(pixels[1].flatten()) == {255} or set(pixels[1].flatten()) == {254}


def test_the_rule_of_the_split_is_a_field(tmp_path: Path) -> None:
    write_binary(tmp_path)
    last, at_random = (replace(CONFIG, split_rule=rule).build(tmp_path, "val") for rule in ("last", "random"))
    assert last.ids == ("training picture 18", "training picture 19") and at_random.ids != last.ids


class Harmful:
    def __reduce__(self) -> tuple:
        return (print, ("code from a pickle",))


@pytest.mark.parametrize(("size", "label", "message"), [(3073 * 4 - 1, 1, ""), (3073, 10, "no labels from 0 to 9")])
def test_broken_binary_batches_are_refused(size: int, label: int, message: str, tmp_path: Path) -> None:
    write_binary(tmp_path)
    path = tmp_path / "data_batch_2.bin"
    path.write_bytes(bytes([label, *path.read_bytes()[1:]])[:size])
    with pytest.raises(DataError, match=rf"data_batch_2.bin: {message}.*; get the file again"):
        CONFIG.build(tmp_path, "train")


@pytest.mark.parametrize(
    "content", [pickle.dumps(Harmful()), b"text", pickle.dumps([1]), pickle.dumps({b"labels": [1]})]
)
def test_other_pickles_are_refused_without_running_code(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pickles(tmp_path / "py", 4)
    (tmp_path / "py" / "data_batch_3").write_bytes(content)
    with pytest.raises(DataError, match=r"data_batch_3: .*; get the file again"):
        CONFIG.build(tmp_path / "py", "train")
    assert "code from a pickle" not in capsys.readouterr().out
