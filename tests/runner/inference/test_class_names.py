"""Names of classes: from a file, the record of the training, or the data set."""

from dataclasses import replace
from pathlib import Path

import pytest

from data.datasets.epic100 import Epic100
from data.datasets.kinetics import Kinetics
from data.datasets.ssv2 import SSv2
from data.errors import DataError
from data.fingerprint import DataFingerprint, SplitFingerprint
from experiments.motionformer.base import K400
from experiments.spec.edits import apply, data
from interface.targets import ClassTarget, VerbNounTarget
from runner.inference.class_names import by_kind, class_names, names_in
from runner.machine.resources import Resources
from runner.store.data_record import save_data_record
from runner.store.store import RunStore

SPLIT = SplitFingerprint(items=3, annotations="45")
FINGERPRINT = DataFingerprint(name="kinetics400", train=SPLIT, test=SPLIT)
RUN = apply(K400, data(dataset=Kinetics.Config(num_classes=2)))


def test_names_come_from_a_file_then_the_training_then_the_data_set(store: RunStore, tmp_path: Path) -> None:
    directory, folder = store.run(RUN.train_id), tmp_path / "k400"
    folder.mkdir()
    resources = Resources(data=(("kinetics400", folder),))
    assert class_names(RUN.data, Resources(), directory) == {"class": (None, None)}
    assert class_names(RUN.data, resources, directory) == {"class": (None, None)}
    (folder / "classes.txt").write_text("from\nfolder\n")
    assert class_names(RUN.data, resources, directory) == {"class": ("from", "folder")}
    directory.path.mkdir(parents=True)
    save_data_record(RUN, store, FINGERPRINT, folder, ("from", "training"))
    assert class_names(RUN.data, resources, directory) == {"class": ("from", "training")}
    (tmp_path / "names.txt").write_text("from\n\nfile\n")
    assert class_names(RUN.data, resources, directory, tmp_path / "names.txt") == {"class": ("from", "file")}


def test_classes_of_kinetics_400_have_their_names_without_its_files(store: RunStore) -> None:
    (names,) = class_names(K400.data, Resources(), store.run(K400.train_id)).values()
    assert (len(names), names[0], names[-1]) == (400, "abseiling", "zumba")


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("cats\ncats\n")
    with pytest.raises(DataError, match=r"names\.txt: cats is listed 2 times; list each class once"):
        names_in(tmp_path / "names.txt", ClassTarget(2))


def test_a_file_with_another_number_of_names_is_refused(store: RunStore, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("cats\n")
    with pytest.raises(DataError, match=r"names\.txt: it has 1 name, one a line; this row has 2 classes"):
        class_names(RUN.data, Resources(), store.run(RUN.train_id), tmp_path / "names.txt")


def test_a_broken_class_file_of_the_data_set_gives_no_names(store: RunStore, tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("one\n")
    resources = Resources(data=(("kinetics400", tmp_path),))
    assert class_names(RUN.data, resources, store.run(RUN.train_id)) == {"class": (None, None)}


def test_classes_that_readers_number_have_no_name() -> None:
    names = by_kind(("verb 0", "wash", "noun 0", "cup", "noun 3"), VerbNounTarget(2, 3))
    assert names == {"verb": (None, "wash"), "noun": (None, "cup", "noun 3")}
    assert by_kind(("a", "b"), ClassTarget(3)) == {"class": (None, None, None)}


def test_class_files_are_read_without_videos(tmp_path: Path) -> None:
    (tmp_path / "something-something-v2-labels.json").write_text('{"Moving [a]": "1", "Holding": "0"}')
    assert SSv2.Config(num_classes=2).names_of_classes(tmp_path) == ("Holding", "Moving a")
    for kind in ("verb", "noun"):
        (tmp_path / f"EPIC_100_{kind}_classes.csv").write_text(f"id,key\n1,my {kind}\n")
    epic = Epic100.Config(num_verbs=2, num_nouns=2)
    assert epic.names_of_classes(tmp_path) == ("verb 0", "my verb", "noun 0", "my noun")
    for dataset in (epic, SSv2.Config(), Kinetics.Config(name="kinetics600", num_classes=600)):
        assert dataset.names_of_classes(None) == ()
    assert replace(RUN.data.dataset, num_classes=3).names_of_classes(tmp_path) == ()  # type: ignore[call-arg]
