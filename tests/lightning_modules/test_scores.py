"""Scores of items over views, crops and processes, and predictions beside the labels."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from interface.evaluation import EvalConfig, Merge
from lightning_modules.classification import is_among_best
from lightning_modules.scores import Predictions, ViewScores
from lightning_modules.scores import TestResult as Result

MERGES: tuple[Merge, ...] = ("sum of softmax", "mean of softmax", "sum of logits", "mean of logits")
OK, FAILED, MISSING = "ok", "failed", "missing"
CLASSES = 3  # of the tests that count classes


class Row(NamedTuple):
    """Outputs for a view of an item: (crops, C), or (C,) for equal crops."""

    label: int | tuple[int, int]
    item: int
    view: int
    state: str
    outputs: list


def softmax(outputs: Tensor) -> Tensor:
    return outputs.softmax(-1)


def hits(scores: Tensor, labels: Tensor) -> dict[str, Tensor]:
    return {"top1": is_among_best(scores, labels, 1), "top5": is_among_best(scores, labels, 5)}


def empty(views: int = 1, crops: int = 1, merge: Merge = "sum of softmax") -> ViewScores:
    return ViewScores(EvalConfig(views=views, crops=crops, merge=merge), softmax, hits, {"class": CLASSES})


def scored(rows: list[Row], *, views: int = 1, crops: int = 1, merge: Merge = "sum of softmax") -> ViewScores:
    """Scores of all rows, with one batch per row."""
    scores = empty(views, crops, merge)
    for row in rows:
        outputs = torch.tensor(row.outputs)
        outputs = outputs.expand(crops, -1) if outputs.ndim == 1 else outputs
        label, item, view = (torch.tensor([value]) for value in (row.label, row.item, row.view))
        scores.add(
            outputs[None], label, item, view, torch.tensor([row.state != OK]), torch.tensor([row.state == MISSING])
        )
    return scores


def random_rows(items: int = 6, views: int = 4, crops: int = 2, classes: int = 7) -> list[Row]:
    outputs = 3 * torch.randn(items, views, crops, classes, generator=torch.Generator().manual_seed(0))
    return [
        Row(item % classes, item, view, OK, outputs[item, view].tolist())
        for item in range(items)
        for view in range(views)
    ]


# Merging views and crops


@pytest.mark.parametrize(
    ("merge", "expected"),
    [
        # Softmax of ln 1, ln 3 is 1/4, 3/4; of ln 1, ln 1 is 1/2, 1/2; of ln 4, ln 1 is 4/5, 1/5.
        ("sum of softmax", [0.25 + 0.5 + 0.8 + 0.5, 0.75 + 0.5 + 0.2 + 0.5]),
        ("mean of softmax", [2.05 / 4, 1.95 / 4]),
        ("sum of logits", [np.log(4), np.log(3)]),
        ("mean of logits", [np.log(4) / 4, np.log(3) / 4]),
    ],
)
def test_every_rule_merges_views_and_crops_as_its_name_says(merge: Merge, expected: list[float]) -> None:
    first, second = np.log([[1.0, 3.0], [1.0, 1.0]]).tolist(), np.log([[4.0, 1.0], [1.0, 1.0]]).tolist()
    scores = scored([Row(0, 0, 0, OK, first), Row(0, 0, 1, OK, second)], views=2, crops=2, merge=merge)
    torch.testing.assert_close(scores.merged(0), torch.tensor(expected, dtype=torch.float32))
    torch.testing.assert_close(scores.mean(0) * 4, scores.total(0))


def test_scores_are_added_up_in_single_precision() -> None:
    scores = empty(crops=300, merge="sum of logits")
    zero, no = torch.tensor([0]), torch.tensor([False])
    scores.add(torch.full((1, 300, 2), 1.5, dtype=torch.bfloat16), zero, zero, zero, no, no)
    assert scores.merged(0).dtype == torch.float32
    assert scores.merged(0).tolist() == [450, 450]


def in_one_batch(rows: list[Row]) -> ViewScores:
    together = empty(views=4, crops=2)
    together.add(
        torch.tensor([row.outputs for row in rows]),
        *(torch.tensor([row[place] for row in rows]) for place in range(3)),
        *2 * [torch.zeros(len(rows), dtype=torch.bool)],
    )
    return together


def over_processes(rows: list[Row]) -> ViewScores:
    merged = empty(views=4, crops=2)
    for part in (rows[:1], rows[17:], rows[1:17]):
        merged.merge(scored(part, views=4, crops=2).state())
    return merged


@pytest.mark.parametrize("added", [lambda rows: scored(rows[::-1], views=4, crops=2), in_one_batch, over_processes])
def test_scores_do_not_depend_on_order_batches_and_processes(added: Callable[[list[Row]], ViewScores]) -> None:
    whole, other = scored(random_rows(), views=4, crops=2), added(random_rows())
    assert all(torch.equal(other.merged(index), whole.merged(index)) for index in range(6))
    other.check(6)
    assert other.result() == whole.result()


def test_the_scores_of_a_view_take_no_more_than_its_own_bytes_when_they_are_sent() -> None:
    scores, views = empty(), 64
    ids, none = torch.arange(views), torch.zeros(views, dtype=torch.bool)
    scores.add(torch.randn(views, 1, CLASSES), ids % CLASSES, ids, torch.zeros_like(ids), none, none)
    state = scores.state()
    assert isinstance(state, dict) and len(state) == views
    stored = sum(item.views[0].untyped_storage().nbytes() for item in state.values())
    assert stored == views * CLASSES * 4


def test_repeated_views_are_counted_once() -> None:
    row = Row(0, 0, 0, OK, [1.0, 0.0])
    once, twice = scored([row]), scored([row, row._replace(outputs=[5.0, 9.0])])
    twice.merge(scored([row]).state())
    torch.testing.assert_close(once.merged(0), twice.merged(0))


# Metrics and states


def test_unreadable_items_count_as_wrong_and_are_counted() -> None:
    logits = [5.0, 0.0]
    scores = scored(
        [
            Row(0, 0, 0, OK, logits),
            Row(0, 1, 0, FAILED, logits),
            Row(0, 2, 0, MISSING, logits),
            Row(1, 3, 0, OK, logits),
        ]
    )
    result = scores.result()
    assert result.metrics == {"top1": 25.0, "top5": 50.0}
    assert (result.evaluated, result.failed, result.missing) == (2, 1, 1)


def test_items_are_counted_by_class_as_correct_predicted_and_labelled() -> None:
    """An unreadable item has a label and no prediction. A class may be predicted without being a label."""
    scores = scored(
        [
            Row(2, 0, 0, OK, [0.0, 1.0, 2.0]),
            Row(2, 1, 0, FAILED, [0.0, 1.0, 2.0]),
            Row(0, 2, 0, OK, [0.0, 1.0, 2.0]),
            Row(2, 3, 0, OK, [0.0, 3.0, 1.0]),
            Row(0, 4, 0, OK, [2.0, 1.0, 0.0]),
        ]
    )
    assert scores.counts_by_class() == {"class": {0: (1, 1, 2), 1: (0, 1, 0), 2: (1, 2, 3)}}
    assert empty().counts_by_class() == {}


def test_equal_scores_are_counted_as_in_the_accuracy() -> None:
    scores = scored([Row(label, label, 0, OK, [1.0, 1.0, 1.0]) for label in range(CLASSES)])
    counts = scores.counts_by_class()["class"]
    assert 100 / 3 * sum(found.correct for found in counts.values()) == pytest.approx(scores.result().metrics["top1"])


def test_sums_of_softmax_and_of_logits_may_differ_in_the_best_class() -> None:
    rows = [Row(1, 0, 0, OK, [9.0, 0.0, 0.0]), Row(1, 0, 1, OK, [0.0, 3.0, 0.0]), Row(1, 0, 2, OK, [0.0, 3.0, 0.0])]
    for merge in MERGES:
        scores = scored(rows, views=3, merge=merge)
        counts = {1: (1, 1, 1)} if merge.endswith("softmax") else {0: (0, 1, 0), 1: (0, 0, 1)}
        assert scores.counts_by_class() == {"class": counts}
        assert scores.result().metrics["top1"] == (100 if merge.endswith("softmax") else 0)


@pytest.mark.parametrize("states", list(itertools.permutations([OK, FAILED, MISSING])))
def test_the_worst_view_of_an_item_decides_its_state_also_over_processes(states: tuple[str, ...]) -> None:
    for count, worst in ((2, FAILED if MISSING not in states[:2] else MISSING), (3, MISSING)):
        rows = [Row(0, 0, view, state, [5.0, 0.0]) for view, state in enumerate(states[:count])]
        merged = empty(views=count)
        for row in rows:
            merged.merge(scored([row]).state())
        for result in (scored(rows, views=count).result(), merged.result()):
            assert (result.evaluated, result.failed, result.missing) == (0, worst == FAILED, worst == MISSING)
            assert result.metrics["top1"] == 0


def test_top5_is_of_the_five_best_and_of_fewer_classes_every_one() -> None:
    assert scored([Row(1, 0, 0, OK, [5.0, 0.0, 0.0])]).result().metrics["top5"] == 100.0
    descending = [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]
    scores = scored([Row(label, label, 0, OK, descending) for label in range(6)])
    assert scores.result().metrics == {"top1": pytest.approx(100 / 6), "top5": pytest.approx(500 / 6)}


def test_no_items_have_no_metrics() -> None:
    assert empty().result() == Result({}, 0, 0, 0)


# Processes


def test_merging_does_not_change_the_scores_of_the_other_process() -> None:
    rows = random_rows()
    other, merged = scored(rows[:2], views=4, crops=2), empty(views=4, crops=2)
    merged.merge(other.state())
    merged.merge(scored(rows[2:], views=4, crops=2).state())
    assert list(other.items[0].views) == [0, 1]


# Rejected results


def test_a_test_without_all_views_is_rejected() -> None:
    row = Row(0, 0, 0, OK, [1.0, 0.0])
    with pytest.raises(RuntimeError, match=r"^item 0 of the test was scored on 1 views instead of 2$"):
        scored([row], views=2).check(1)
    with pytest.raises(RuntimeError, match=r"^item 1 of the test was scored on 0 views instead of 1$"):
        scored([row]).check(2)
    with pytest.raises(RuntimeError, match=r"^item 0 of the test was scored on 2 views instead of 1$"):
        scored([row, row._replace(view=1)]).check(1)
    scored([row]).check(1)


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_scores_that_are_not_finite_are_rejected(value: float, merge: Merge) -> None:
    scores = scored([Row(0, 0, 0, OK, [0.5, 0.5]), Row(0, 1, 0, OK, [value, 0.5])], merge=merge)
    with pytest.raises(ValueError, match=r"^the scores of 1 of 2 test items are not finite: .*a smaller optim\.lr$"):
        scores.check(2)


# Saved scores


def test_saved_arrays_have_each_view_of_each_item() -> None:
    rows = [row for row in random_rows(3, 2, 2, 5) if row.item != 1]
    rows += [Row(4, 1, view, MISSING, [[0.0] * 5] * 2) for view in (1, 0)]
    rows[0] = rows[0]._replace(state=FAILED)
    arrays = scored(rows[::-1], views=2, crops=2, merge="sum of logits").arrays()
    assert set(arrays) == {"scores", "labels", "status"}
    assert arrays["scores"].shape == (3, 2, 5)
    assert arrays["scores"].dtype == np.float32
    np.testing.assert_allclose(arrays["scores"][2, 1], np.sum(rows[3].outputs, 0), rtol=1e-6)
    assert arrays["labels"].tolist() == [0, 4, 2]
    assert arrays["status"].tolist() == [[1, 0], [2, 2], [0, 0]]


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("views", [(0, 1, 2, 3), (0, 2), (2,), (1, 3)])
@pytest.mark.parametrize("pairs", [False, True])
def test_views_of_a_saved_test_equal_a_test_with_those_views_bit_for_bit(
    merge: Merge, views: tuple[int, ...], pairs: bool, tmp_path: Path
) -> None:
    rows = [row._replace(state=(OK, FAILED, MISSING, OK, OK, OK)[row.item]) for row in random_rows(classes=CLASSES)]
    rows = [row._replace(label=(row.item, row.item % 2)) for row in rows] if pairs else rows
    chosen = [row._replace(view=views.index(row.view)) for row in rows if row.view in views]
    tested, whole = scored(chosen, views=len(views), crops=2, merge=merge), scored(rows, views=4, crops=2, merge=merge)
    np.savez(tmp_path / "scores.npz", **whole.arrays())  # pyright: ignore[reportArgumentType]
    loaded = empty(len(views), 2, merge)
    with np.load(tmp_path / "scores.npz", allow_pickle=False) as saved:
        loaded.load(dict(saved), views)
    loaded.check(6)
    assert [loaded.items[i].label for i in range(6)] == [tested.items[i].label for i in range(6)]
    assert [loaded.items[i].state for i in range(6)] == [tested.items[i].state for i in range(6)]
    assert all(torch.equal(loaded.merged(index), tested.merged(index)) for index in range(6))
    assert torch.equal(loaded.merged(0), whole.merged(0)) == (len(views) == 4)
    if not pairs:
        assert loaded.result() == tested.result()
        assert loaded.counts_by_class() == tested.counts_by_class()


def test_the_state_of_an_item_depends_only_on_loaded_views() -> None:
    """A damaged file may be unreadable in one view and readable in another."""
    rows = [Row(0, 0, 0, FAILED, [0.0, 0.0]), Row(0, 0, 1, OK, [5.0, 0.0])]
    loaded = empty()
    loaded.load(scored(rows, views=2).arrays(), (1,))
    assert loaded.result() == scored([rows[1]._replace(view=0)]).result()
    assert loaded.result().evaluated == 1


# Predictions

SHARES = torch.tensor([[0.7, 0.3, 0.1, 0.2, 0.7], [0.4, 0.6, 0.8, 0.1, 0.1], [0.9, 0.1, 0.2, 0.5, 0.3]])
PREDICTIONS = Predictions(
    SHARES, torch.tensor([[0, 2], [0, 0], [1, 1]]), torch.tensor([True, True, False]), {"verb": 2, "noun": 3}
)


def test_the_predictions_to_an_item_are_its_best_classes_of_each_kind() -> None:
    verb, noun = PREDICTIONS.of_item(1)
    assert (verb.kind, verb.label, verb.is_correct) == ("verb", 0, False)
    assert [number for number, _ in verb.best] == [1, 0]
    assert [share for _, share in verb.best] == pytest.approx([0.6, 0.4])
    assert (noun.kind, noun.label, noun.is_correct) == ("noun", 0, True)


def test_a_confusion_counts_readable_items_by_label_and_prediction() -> None:
    assert np.array_equal(PREDICTIONS.confusion("verb"), [[1, 1], [0, 0]])
    assert np.array_equal(PREDICTIONS.confusion("noun"), [[1, 0, 0], [0, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("classes", [{"class": 5}, {"verb": 2, "noun": 3}])
def test_shares_sum_to_one_for_each_kind_and_follow_the_merged_scores(merge: Merge, classes: dict[str, int]) -> None:
    sizes = tuple(classes.values())
    scores = ViewScores(
        EvalConfig(views=2, crops=2, merge=merge),
        lambda outputs: torch.cat([part.softmax(-1) for part in outputs.split(sizes, dim=-1)], dim=-1),
        lambda scores, labels: {},
        classes,
    )
    generator = torch.Generator().manual_seed(0)
    labels = torch.zeros((4, len(classes)), dtype=torch.long).squeeze(1)  # (4,) of one kind
    no = torch.zeros(4, dtype=torch.bool)
    for view in range(2):
        outputs = torch.randn(4, 2, 5, generator=generator)
        scores.add(outputs, labels, torch.arange(4), torch.full((4,), view), no, no)
    predictions = scores.predictions()
    assert predictions is not None and predictions.labels.shape == (4, len(classes))
    parts = predictions.shares.split(sizes, dim=1)
    merged = scores.merged_items().scores.split(sizes, dim=1)
    for part, of_scores in zip(parts, merged, strict=True):
        assert torch.allclose(part.sum(1), torch.ones(4))
        assert torch.equal(part.argmax(1), of_scores.argmax(1))


def test_scores_without_items_or_without_classes_have_no_predictions() -> None:
    assert empty().predictions() is None
    scores = ViewScores(EvalConfig(views=1, crops=1), lambda outputs: outputs, lambda scores, labels: {}, {})
    no, first = torch.zeros(1, dtype=torch.bool), torch.zeros(1, dtype=torch.long)
    scores.add(torch.rand(1, 1, 3), first, first, first, no, no)  # shares of attention
    assert scores.predictions() is None and scores.counts_by_class() == {}
