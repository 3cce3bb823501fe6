"""Reader of the reviews of IMDb."""

from pathlib import Path

from data.datasets.imdb import Imdb

CONFIG = Imdb.Config(test_batch=None)


def write(root: Path, count: int) -> None:
    """So many reviews of each kind, in both splits."""
    for split in ("train", "test"):
        for kind in ("pos", "neg"):
            (root / split / kind).mkdir(parents=True)
            for number in range(count):
                (root / split / kind / f"{number:02d}_5.txt").write_text(f"{kind} <br /> é {number}")
    (root / "train" / "unsup").mkdir()


def test_bytes_are_tokens_and_folders_are_labels(tmp_path: Path) -> None:
    write(tmp_path / "aclImdb", 2)
    items = CONFIG.build(tmp_path, "train")
    assert items.ids == ("train/neg/00_5.txt", "train/neg/01_5.txt", "train/pos/00_5.txt", "train/pos/01_5.txt")
    assert [items.label(index) for index in range(4)] == [0, 0, 1, 1]
    (ids,) = items.tokens(2)
    assert bytes(ids.astype("uint8") - 1).decode() == "pos <br /> é 0"
    assert ids.min() >= 1 and CONFIG.num_ids == 257


def test_validation_reviews_may_be_set_aside_from_training(tmp_path: Path) -> None:
    write(tmp_path, 20)
    config = Imdb.Config(test_batch=None, validates_on_test=False)
    train, val, test = (config.build(tmp_path, split) for split in ("train", "val", "test"))
    assert val.ids == tuple(f"train/{kind}/{number}_5.txt" for kind in ("neg", "pos") for number in ("00", "10"))
    assert len(train) == 36 and not set(train.ids) & set(val.ids) and len(test) == 40
    assert config.own_validation and not CONFIG.own_validation
    assert CONFIG.official_size("val") == 25_000 and config.official_size("train") is None
