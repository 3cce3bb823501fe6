"""What a report says of the size of smaller runs on given data."""

from dataclasses import replace

import pytest

from experiments.motionformer.base import K400
from experiments.spec.catalog import load
from experiments.spec.scales import PAPER, SMALL, TINY
from reports.collect import collect
from reports.pages.scaled_data import compute_share, sizes_text
from reports.pages.table_texts import warning
from runner.store.store import RunStore
from tests.reports.saved_reports import markdown
from tests.runner.stored_metrics import write_result

TABLE = load("motionformer/table4")


def test_numbers_of_videos_are_those_of_the_complete_data_until_there_are_results(store: RunStore) -> None:
    def text() -> str:
        return sizes_text(collect(TABLE, SMALL, store))

    assert "Real data: kinetics400 (200 classes) 9,947 test and 121,215 training videos" in text()
    splits = {split: {"items": items, "annotations": "a"} for split, items in (("test", 9900), ("train", 121_000))}
    data = {"name": "kinetics400", "fingerprint": "0", **splits}
    write_result(store, TABLE.run_of("joint.k400", SMALL, (), 0), data=data)
    assert "kinetics400 (200 classes) 9,900 test and 121,000 training videos; ssv2 (87 classes) 11,799 test" in text()
    write_result(
        store, TABLE.run_of("divided.k400", SMALL, (), 0), data={**data, "test": {"items": 9947, "annotations": "b"}}
    )
    assert "kinetics400 (200 classes) 9,900 to 9,947 test and 121,000 training videos" in text()


def test_the_size_stands_above_a_page_at_this_scale_alone(store: RunStore) -> None:
    report = collect(TABLE, SMALL, store)
    assert f"{sizes_text(report)} " in markdown(report)
    for scale in (TINY, PAPER):
        assert "training compute" not in (warning(collect(TABLE, scale, store)) or "")


def test_compute_is_that_of_steps_and_of_a_step() -> None:
    assert K400.optim is not None
    short = replace(K400, optim=replace(K400.optim, epochs=K400.optim.length // 5))
    assert K400.optim.length == 35 and compute_share(short, K400) == pytest.approx(0.2)
    shallow = replace(short, model=short.model.with_depth(6))
    assert compute_share(shallow, K400) == pytest.approx(0.1, rel=0.02)
    assert compute_share(replace(K400, optim=None), K400) is None
