"""Readers of sequences of tokens: small files in the layouts of the releases of texts and of pictures."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.datasets.aan import Aan
from data.datasets.cifar10 import Cifar10, grey
from data.datasets.imdb import Imdb
from data.datasets.listops import TOKENS, ListOps
from data.datasets.pathfinder import Pathfinder
from data.datasets.token_lists import Ids, TokenList
from data.errors import DataError, DecodeError
from data.stand_ins.of_sequences import PathfinderStandIn
from tests.data.files import refusal

CIFAR10 = Cifar10.Config(test_batch=None)
PATHFINDER = Pathfinder.Config(stand_in=None, test_batch=None, split_rule="as listed")


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return root


# Texts


def text(ids: Ids) -> str:
    return bytes(ids.astype("uint8") - 1).decode()


def labels(items: TokenList) -> list[int]:
    return [items.label(index) for index in range(len(items))]


def test_bytes_of_both_texts_of_a_pair_are_tokens(tmp_path: Path) -> None:
    lines = '1.0\tP1\tW2\tone "text"\tother\n0.0\tP3\tW4\ta\tbé\n'
    items = Aan.Config().build(write(tmp_path, {"tsv_data/new_aan_pairs.train.tsv": lines}), "train")
    assert [[text(ids) for ids in items.tokens(index)] for index in range(2)] == [['one "text"', "other"], ["a", "bé"]]
    assert items.ids == ("new_aan_pairs.train.tsv:1: P1 W2", "new_aan_pairs.train.tsv:2: P3 W4")
    assert labels(items) == [1, 0]


def test_tokens_of_expressions_are_read_without_parentheses(tmp_path: Path) -> None:
    lines = "Source\tTarget\n( ( ( [MAX 2 ) 9 ) ] )\t9\n7\t7\n"
    root = write(tmp_path, {"listops-1000/basic_train.tsv": lines})
    items = ListOps.Config(stand_in=None).build(root, "train")
    assert [TOKENS[token - 1] for token in items.tokens(0)[0]] == ["[MAX", "2", "9", "]"]
    assert items.ids == ("basic_train.tsv:2", "basic_train.tsv:3") and labels(items) == [9, 7]
    assert items.tokens(0)[0].max() < ListOps.Config.num_ids == 16


def test_bytes_of_reviews_are_tokens_and_folders_are_labels(tmp_path: Path) -> None:
    names = ("train/neg/00_5.txt", "train/neg/01_5.txt", "train/pos/00_5.txt")
    items = Imdb.Config().build(write(tmp_path, {f"aclImdb/{name}": f"{name} <br /> é" for name in names}), "train")
    assert items.ids == names and labels(items) == [0, 0, 1]
    assert text(*items.tokens(2)) == "train/pos/00_5.txt <br /> é"


def test_validation_reviews_that_are_set_aside_have_no_official_number() -> None:
    aside, official = Imdb.Config(validates_on_test=False), Imdb.Config()
    assert aside.own_validation and not official.own_validation
    assert aside.official_size("train") is None and official.official_size("val") == 25_000


# CIFAR-10


def cifar10_batches(count: int = 4) -> dict[str, tuple[list[int], np.ndarray]]:
    """Labels and colours of small batches."""
    rng = np.random.default_rng(0)
    names = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
    return {
        name: (rng.integers(0, 10, count).tolist(), rng.integers(0, 256, (count, 3072), dtype=np.uint8))
        for name in names
    }


def binary_batches() -> dict[str, str | bytes]:
    return {
        f"{name}.bin": b"".join(bytes([label]) + row.tobytes() for label, row in zip(labels, colours, strict=True))
        for name, (labels, colours) in cifar10_batches().items()
    }


def pickled_batches(protocol: int) -> dict[str, str | bytes]:
    batches = {
        name: {b"batch_label": b"batch", b"labels": labels, b"data": colours, b"filenames": [b"a.png"] * len(labels)}
        for name, (labels, colours) in cifar10_batches().items()
    }
    return {name: pickle.dumps(batch, protocol) for name, batch in batches.items()}


@pytest.mark.parametrize("protocol", [2, 5])
def test_both_versions_of_cifar10_have_the_same_pictures(protocol: int, tmp_path: Path) -> None:
    write(tmp_path / "cifar-10-batches-bin", binary_batches())
    expected = CIFAR10.build(tmp_path, "train")
    items = CIFAR10.build(write(tmp_path / "other", pickled_batches(protocol)), "train")
    assert items.fingerprint == expected.fingerprint and len(items) == 18
    assert len(CIFAR10.build(tmp_path, "val")) == 2 and len(CIFAR10.build(tmp_path, "test")) == 4
    assert items.label(0) == cifar10_batches()["data_batch_1"][0][0]


def test_pixels_of_cifar10_are_grey_row_by_row() -> None:
    colours = np.zeros((2, 3, 32, 32), np.uint8)
    colours[0, 0, 0, 1], colours[0, 1, 1, 0], colours[0, 2, 2, 0] = 255, 255, 255
    colours[1] = 255
    pixels = grey(colours.reshape(2, -1))
    assert [pixels[0, 0, 1], pixels[0, 1, 0], pixels[0, 2, 0]] == [76, 149, 29]  # rounded down
    assert set(pixels[1].flatten()) == {255} or set(pixels[1].flatten()) == {254}


class Harmful:
    def __reduce__(self) -> tuple:
        return (print, ("code from a pickle",))


@pytest.mark.parametrize(("size", "label", "message"), [(3073 * 4 - 1, 1, ""), (3073, 10, "no labels from 0 to 9")])
def test_broken_binary_batches_of_cifar10_are_refused(size: int, label: int, message: str, tmp_path: Path) -> None:
    write(tmp_path, binary_batches())
    path = tmp_path / "data_batch_2.bin"
    path.write_bytes(bytes([label, *path.read_bytes()[1:]])[:size])
    with pytest.raises(DataError, match=rf"data_batch_2.bin: {message}.*; get the file again"):
        CIFAR10.build(tmp_path, "train")


@pytest.mark.parametrize(
    "content", [pickle.dumps(Harmful()), b"text", pickle.dumps([1]), pickle.dumps({b"labels": [1]})]
)
def test_other_pickles_are_refused_without_running_code(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {**pickled_batches(4), "data_batch_3": content})
    with pytest.raises(DataError, match=r"data_batch_3: .*; get the file again"):
        CIFAR10.build(tmp_path, "train")
    assert "code from a pickle" not in capsys.readouterr().out


# Pathfinder


def write_pathfinder(root: Path, count: int = 10) -> Path:
    """Pictures whose pixels are their number, in the layout of the release."""
    folder = root / "curv_contour_length_14"
    (folder / "imgs" / "1").mkdir(parents=True)
    for number in range(count):
        Image.fromarray(np.full((32, 32), number, np.uint8)).save(folder / "imgs" / "1" / f"sample_{number}.png")
    lines = [f"imgs/1 sample_{number}.png {number} {number % 2} 1.0 14 4 2 0.5 1 2" for number in range(count)]
    return write(folder, {"metadata/1.npy": "\n".join(lines) + "\n"})


def test_splits_of_pathfinder_are_tenths_and_pixels_are_ids(tmp_path: Path) -> None:
    write_pathfinder(tmp_path / "pathfinder32")
    items = {split: PATHFINDER.build(tmp_path, split) for split in ("train", "val", "test")}
    assert [len(items[split]) for split in items] == [8, 1, 1]
    (ids,) = items["test"].tokens(0)
    assert ids.shape == (1024,) and set(ids) == {9} and items["test"].label(0) == 1
    assert items["train"].files() is not None and items["train"].ids[3] == "imgs/1/sample_3.png"


def test_annotations_of_pathfinder_may_be_an_array(tmp_path: Path) -> None:
    path = write_pathfinder(tmp_path) / "metadata/1.npy"
    expected = PATHFINDER.build(tmp_path, "train").fingerprint
    np.save(path, np.array([line.split() for line in path.read_text().splitlines()]))
    assert PATHFINDER.build(tmp_path, "train").fingerprint == expected


def test_squares_of_pixels_are_averaged(tmp_path: Path) -> None:
    write_pathfinder(tmp_path)
    (ids,) = replace(PATHFINDER, pool=2).build(tmp_path, "train").tokens(4)
    assert ids.shape == (256,) and set(ids) == {4}


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "0 bytes; get it again"), (b"\x89PNG\r\n\x1a\n", "sample_2"), (b"text", "get the file again")],
)
def test_damaged_pictures_are_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = write_pathfinder(tmp_path) / "imgs" / "1" / "sample_2.png"
    items = PATHFINDER.build(tmp_path, "train")
    path.write_bytes(content)
    found = refusal(lambda: items.tokens(2), DecodeError)
    assert message in found and "sample_2.png" in found
    path.unlink()
    assert "sample_2.png" in refusal(lambda: items.tokens(2), DecodeError, missing=True)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (replace(PATHFINDER, pool=3), r"data\.dataset\.pool is 3"),
        (Pathfinder.Config(stand_in=PathfinderStandIn(contour=6)), r"data\.dataset\.level is curv_contour_length_14"),
    ],
)
def test_sides_of_squares_and_levels_that_do_not_fit_are_refused(config: Pathfinder.Config, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config.check()
