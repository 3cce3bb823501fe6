import torch

from data.datasets.epic100 import Epic100
from data.datasets.kinetics import Kinetics
from data.datasets.ssv2 import SSv2
from interface.targets import ClassTarget, VerbNounTarget


def test_classes_are_in_the_order_of_the_outputs() -> None:
    assert list(ClassTarget(400).classes.items()) == [("class", 400)]
    assert list(VerbNounTarget(97, 300).classes.items()) == [("verb", 97), ("noun", 300)]


def test_examples_are_valid_labels() -> None:
    one, two = ClassTarget(1).example(3), VerbNounTarget(1, 1).example(3)
    assert (one.shape, two.shape) == ((3,), (3, 2))
    assert one.dtype == two.dtype == torch.int64
    assert not one.any()
    assert not two.any()
    assert VerbNounTarget(1, 1).example(3, "meta").is_meta
    assert ClassTarget(1).example(3, "meta").is_meta


def test_the_targets_of_the_data_sets_are_the_published_ones() -> None:
    assert Kinetics.Config().targets == ClassTarget(400)
    assert Kinetics.Config(name="kinetics600", num_classes=600).targets == ClassTarget(600)
    assert SSv2.Config().targets == ClassTarget(174)
    assert Epic100.Config().targets == VerbNounTarget(97, 300)


def test_a_tiny_data_set_has_the_classes_of_its_stand_in() -> None:
    for config, targets in (
        (Kinetics.Config(name="kinetics600", num_classes=600, test_split="test"), ClassTarget(10)),
        (SSv2.Config(), ClassTarget(10)),
        (Epic100.Config(), VerbNounTarget(8, 8)),
    ):
        tiny = config.tiny()
        assert tiny.targets == targets
        assert tiny.stand_in is not None
        assert tiny.name == config.name
        assert tiny.tiny() == tiny
    assert Kinetics.Config(test_split="test").tiny().test_split == "test"


def test_names_are_split_by_kind_in_the_order_of_the_outputs() -> None:
    assert VerbNounTarget(1, 2).by_kind(("take", "tap", "plate")) == {"verb": ("take",), "noun": ("tap", "plate")}
    assert ClassTarget(2).by_kind(("yoga", "golf")) == {"class": ("yoga", "golf")}
