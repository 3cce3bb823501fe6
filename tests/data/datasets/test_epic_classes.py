"""Class files of EPIC-Kitchens-100."""

from pathlib import Path

import pytest

from data.config import DatasetConfig
from data.datasets.epic100 import Epic100, class_categories, class_names
from data.datasets.kinetics import Kinetics

CONFIG = Epic100.Config(num_verbs=2, num_nouns=3)
HEADER = "id,key,instances,category\n"


def write(root: Path, name: str, text: str) -> None:
    root.mkdir(exist_ok=True)
    (root / name).write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "EPIC_100_noun_classes.csv", "id,key,instances\n0,tap,\"['tap']\"\n1,plate,\"['plate', 'dish']\"\n")
    rows = ["0,tap,\"['tap']\",appliances", "1,plate,\"['plate']\",crockery", "2,knife,\"['knife']\",cutlery"]
    write(tmp_path, "EPIC_100_noun_classes_v2.csv", HEADER + "\n".join([*rows, "2,blade,[],other", "3,smoke,[],air"]))
    return tmp_path


def test_categories_come_from_the_first_file_that_has_them(root: Path) -> None:
    assert CONFIG.categories(root) == {"noun": ("appliances", "crockery", "cutlery")}  # the verbs have no file
    write(root, "EPIC_100_noun_classes.csv", HEADER + "0,tap,[],a\n1,plate,[],b\n2,knife,[],c\n")
    write(root, "EPIC_100_verb_classes.csv", HEADER + "0,take,[],retrieve\n1,put,[],leave\n")
    assert CONFIG.categories(root) == {"verb": ("retrieve", "leave"), "noun": ("a", "b", "c")}


def test_names_missing_in_one_file_come_from_the_other(root: Path) -> None:
    assert class_names([root], "noun", 4) == ("tap", "plate", "knife", "smoke")
    assert class_names([root], "verb", 2) == ("verb 0", "verb 1")


def test_class_files_may_be_in_a_folder_of_annotations(root: Path) -> None:
    (root / "annotations").mkdir()
    (root / "EPIC_100_noun_classes_v2.csv").rename(root / "annotations/EPIC_100_noun_classes_v2.csv")
    assert CONFIG.categories(root) == {"noun": ("appliances", "crockery", "cutlery")}


def test_files_that_lack_the_category_of_a_class_give_none(root: Path) -> None:
    assert class_categories([root], "noun", 4) != ()
    assert class_categories([root], "noun", 6) == ()


@pytest.mark.parametrize("config", [CONFIG, Kinetics.Config()])
def test_without_class_files_there_are_no_categories(config: DatasetConfig, tmp_path: Path) -> None:
    assert config.categories(tmp_path) == {}
