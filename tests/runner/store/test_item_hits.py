"""Correct items of a test as packed bits in its result file."""

import base64

import numpy as np
import pytest

from runner.store.item_hits import packed, unpacked

MASK = np.array([True, False, True, True, False, False, True, True, True, False])  # more than one byte
IDS = tuple(map(str, range(10)))


def metrics(**changes: object) -> dict:
    return {"top1": 60.0, "hits": {**packed({"top1": MASK}, IDS), **changes}}


def test_correct_items_are_restored_in_order() -> None:
    restored = unpacked(metrics(), "top1")
    assert restored is not None and np.array_equal(restored, MASK)


def test_a_thousand_items_take_125_bytes() -> None:
    record = packed({"top1": np.ones(1000, bool)}, tuple(map(str, range(1000))))
    assert isinstance(bits := record["bits"], dict)
    assert len(base64.b64decode(bits["top1"])) == 125


def test_the_digest_depends_on_the_ids_and_their_order() -> None:
    digests = [packed({"top1": MASK}, ids)["ids"] for ids in (IDS, IDS[::-1], (*IDS[:-1], "x"))]
    assert len(set(digests)) == 3


def test_results_without_bits_have_none() -> None:
    assert unpacked({"top1": 60.0}, "top1") is None
    assert unpacked(metrics(), "top5") is None


@pytest.mark.parametrize(
    "damage",
    [{"bits": {"top1": "!"}}, {"bits": {"top1": "AAA="}}, {"items": 40}, {"items": "ten"}, {"items": 0}],
    ids=repr,
)
def test_damaged_bits_and_bits_of_another_accuracy_are_refused(damage: dict) -> None:
    with pytest.raises(ValueError, match="its hits are not those of its top1"):
        unpacked(metrics(**damage), "top1")
