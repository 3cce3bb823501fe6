"""What every reader does, shown on generated data."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from data.config import Split
from data.datasets.token_lists import TokenList
from data.datasets.videos import VideoList
from data.errors import MissingAnnotationError
from tests.data.files import refusal
from tests.data.small_stand_ins import DATASETS, root_of

# Fingerprints of the training, validation and test split. Results record them: they may not change.
FINGERPRINTS = {
    "kinetics400": ("c52d62ed63d9e6dd", "231a6c395d3f8da0", "231a6c395d3f8da0"),
    "kinetics600": ("88b30e7a61f29e18", "b9964473291fe43d", "b9964473291fe43d"),
    "ssv2": ("5a3d00f49d81128a", "8529af6029c122cd", "8529af6029c122cd"),
    "epic100": ("96cdbf9fb2771d9f", "0fd990fd9ba7b478", "0fd990fd9ba7b478"),
    "categorised": ("96cdbf9fb2771d9f", "0fd990fd9ba7b478", "0fd990fd9ba7b478"),
    "penn-action": ("d31d73e81998d478", "3dc858d2fa03fe8d", "3dc858d2fa03fe8d"),
    "ntu60": ("e61b4a2b674b8a06", "a16a447ce2ea32a6", "a16a447ce2ea32a6"),
    "gym99": ("a59c84039f1d22db", "dd451d96670be9af", "dd451d96670be9af"),
    "davis2017": (None, "27313334b904487b", "27313334b904487b"),
    "listops": ("bf02b765fd2e44fb", "f9138a018dcbdd72", "ed69217913a453fa"),
    "aan": ("ae3f3c6a0095ed66", "0fffce3058a10eee", "174b332f58710140"),
    "imdb": ("13b71fc991a0887b", "c53bea49ddfb0d1a", "6580424913202827"),
    "imdb, set aside": ("b23b8c99a8fc3670", "d3b078a41e229a7b", "6580424913202827"),
    "cifar10": ("58ae755838a6ad18", "8285ef111249d756", "0e54b231ed42c425"),
    "cifar10, random": ("5ffb187623b0c9be", "0c6b27d76caa25b1", "0e54b231ed42c425"),
    "pathfinder32": ("a637850da8941208", "159fee392e185440", "d9bcb690232f7a15"),
    "pathfinder32, published": ("23f88bffc725e509", "8d0328ed7d14c8a2", "28ba22500f119db6"),
}
SIZES = {
    "davis2017": (0, 2, 2),
    "listops": (26, 13, 8),
    "aan": (26, 13, 8),
    "imdb": (26, 13, 8),
    "imdb, set aside": (22, 4, 8),
    "cifar10": (45, 5, 8),
    "cifar10, random": (45, 5, 8),
    "pathfinder32": (104, 13, 8),
    "pathfinder32, published": (16, 2, 2),
}
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@pytest.mark.parametrize("name", DATASETS)
def test_the_items_of_generated_data_are_pinned(name: str) -> None:
    config, root = DATASETS[name], root_of(name)
    assert name in FINGERPRINTS, (name, [config.build(root, split).fingerprint for split in SPLITS])
    for split, fingerprint, size in zip(SPLITS, FINGERPRINTS[name], SIZES.get(name, (26, 13, 13)), strict=True):
        if fingerprint is None:
            with pytest.raises(MissingAnnotationError):
                config.build(root, split)
            continue
        items = config.build(root, split)
        assert (items.fingerprint, len(items)) == (fingerprint, size)
        assert len(set(items.ids)) == len(items)
        assert config.official_size(split) is None  # of generated data
        kinds = config.targets.classes
        assert len(items.class_names) == sum(kinds.values())
        for index in range(len(items) if kinds else 0):
            label = items.label(index)
            labels = label if isinstance(label, tuple) else (label,)
            assert all(0 <= label < count for label, count in zip(labels, kinds.values(), strict=True))


@pytest.mark.parametrize("name", DATASETS)
def test_a_tiny_data_set_is_generated_with_the_classes_of_its_stand_in(name: str) -> None:
    tiny = type(DATASETS[name])(name=DATASETS[name].name).tiny()
    assert (tiny.name, tiny.targets) == (DATASETS[name].name, DATASETS[name].targets)
    assert tiny.stand_in is not None and tiny.tiny() == tiny


@pytest.mark.parametrize("name", DATASETS)
def test_every_item_can_be_read(name: str) -> None:
    config, root = DATASETS[name], root_of(name)
    items = config.build(root, "test")
    if isinstance(items, TokenList):
        for index in range(len(items)):
            tokens = items.tokens(index)
            assert len(tokens) == 1 + config.is_pair  # type: ignore[attr-defined]
            assert all(0 <= ids.min() <= ids.max() < config.num_ids for ids in tokens)  # type: ignore[attr-defined]
        assert items.files() is None or len(items.files() or ()) == len(items)
    if isinstance(items, VideoList):
        assert all(Path(record.path).exists() for record in items.records)


@pytest.mark.parametrize("name", ["kinetics400", "epic100", "penn-action", "davis2017", "aan", "pathfinder32"])
def test_the_place_of_the_folder_does_not_matter(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(root_of(name), tmp_path / "my data")
    monkeypatch.chdir(tmp_path)
    items = DATASETS[name].build(Path("my data"), "test")
    assert items.fingerprint == FINGERPRINTS[name][2]
    if isinstance(items, VideoList):
        assert items.records[0].path.startswith(f"{tmp_path}/my data/")


@pytest.mark.parametrize("name", DATASETS)
def test_unusable_roots_are_named_in_one_line(name: str, tmp_path: Path) -> None:
    config = replace(DATASETS[name], stand_in=None)
    for split in ("train", "test") if FINGERPRINTS[name][0] else ("test",):
        (tmp_path / "file").write_text("")
        (tmp_path / "empty").mkdir(exist_ok=True)
        for root, fault in (("nowhere", "does not exist"), ("file", "is a file"), ("empty", "is empty")):
            expected = f"{config.name}: the data root {tmp_path / root} {fault}; give the folder of the data set with"
            assert refusal(partial(config.build, tmp_path / root, split)).startswith(expected)
        message = refusal(partial(config.build, tmp_path, split), MissingAnnotationError)
        assert message.startswith(config.name) and f" in {tmp_path}" in message and "; " in message


Change = Callable[[list[str]], list[str]]


def last(old: str, new: str) -> Change:
    """Change of the last line, in which a pattern is replaced."""
    return lambda lines: [*lines[:-1], re.sub(old, new, lines[-1])]


def twice(lines: list[str]) -> list[str]:
    return [*lines, lines[-1]]


def emptied(lines: list[str]) -> list[str]:
    return []


ANNOTATIONS = {
    "ssv2": "something-something-v2-train.json",
    "epic100": "EPIC_100_train.csv",
    "gym99": "gym99_train_element_v1.0.txt",
    "listops": "basic_train.tsv",
    "aan": "tsv_data/new_aan_pairs.train.tsv",
    "pathfinder32": "curv_baseline/metadata/0.npy",
}
# A change of the training annotations of generated data, and the fault that is named.
BROKEN: tuple[tuple[str, Change, str], ...] = (
    ("ssv2", emptied, r": Expecting value: .*; get the file again"),
    ("epic100", twice, r": .* is listed 2 times; list each video once"),
    ("epic100", lambda lines: lines[:1], r": the file is empty; it should contain one segment per line"),
    ("epic100", last(r"^([^,]*,[^,]*),.*", r"\1"), r":27: no video_id, start_timestamp, .*; a row has narration_id"),
    ("gym99", twice, r": .* is listed 2 times; list each video once"),
    ("gym99", last(r"\d+$", "13"), r":26: wrong label '13'; gym99 has labels 0 to 12"),
    ("listops", lambda lines: lines[:1], r": the file has no expressions; get it again"),
    ("listops", emptied, r":1: the header is not 'Source', a tab and 'Target'; get"),
    ("listops", last(r"\d$", ""), r":27: the value is ''; it should be a digit after a tab: get"),
    ("listops", last(r"\d$", "19"), r":27: the value is '19'; it should be a digit after a tab: get the file again"),
    ("listops", last(r"\d", "X"), r":27: 'X' is no token; get the file again"),
    ("aan", emptied, r": the file is empty; get it again"),
    ("aan", last(r"^\d", "2"), r":26: 5 fields from '2.0 .*'; a line has a label \(0.0 or 1.0\)"),
    ("aan", last(r"\t[^\t]*$", ""), r":26: 4 fields .*; the file ends in this line: get the file again"),
    ("pathfinder32", last(r" [01] ", " 2 "), r": .*; get the file again"),
)


@pytest.mark.parametrize(("name", "change", "message"), BROKEN, ids=lambda value: str(value)[:20])
def test_broken_annotations_are_named_with_their_line(name: str, change: Change, message: str, tmp_path: Path) -> None:
    root = shutil.copytree(root_of(name), tmp_path / "data")
    path = root / ANNOTATIONS[name]
    path.write_text("\n".join(change(path.read_text().splitlines())))
    found = refusal(partial(DATASETS[name].build, root, "train"))
    assert re.match(re.escape(str(path)) + message, found), found
