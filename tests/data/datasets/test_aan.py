"""Reader of pairs of papers."""

from pathlib import Path

from data.datasets.aan import Aan

CONFIG = Aan.Config(test_batch=None)
LINES = '1.0\tP1\tW2\tone "text"\tother\n0.0\tP3\tW4\ta\tbé\n'


def write(root: Path, content: str, split: str = "train") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    path = root / f"new_aan_pairs.{split}.tsv"
    path.write_text(content)
    return path


def test_bytes_of_both_texts_are_tokens(tmp_path: Path) -> None:
    write(tmp_path / "tsv_data", LINES)
    items = CONFIG.build(tmp_path, "train")
    texts = [[bytes(ids.astype("uint8") - 1).decode() for ids in items.tokens(index)] for index in range(2)]
    assert texts == [['one "text"', "other"], ["a", "bé"]]
    assert [items.label(0), items.label(1)] == [1, 0]
    assert items.ids == ("new_aan_pairs.train.tsv:1: P1 W2", "new_aan_pairs.train.tsv:2: P3 W4")


def test_the_size_of_the_file_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    write(tmp_path, LINES)
    before = CONFIG.build(tmp_path, "train").fingerprint
    write(tmp_path, LINES.replace("other", "others"))
    assert CONFIG.build(tmp_path, "train").fingerprint != before
