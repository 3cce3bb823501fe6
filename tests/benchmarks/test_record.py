import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.bench import Sizes
from benchmarks.record import Conditions, Measurement, Record, read
from benchmarks.timing import Pair, Timing

PAIR = Pair(
    name="joint, forward",
    precision="float32",
    clips=1,
    published=(Timing(8.0, 2.0), Timing(6.0, 2.0)),
    ours=(Timing(4.0, 0.5), Timing(4.0, 0.0)),
    aim=2.0,
    difference=3e-6,
    published_memory=None,
    ours_memory=None,
    ours_by_flops=3.5,
)
MEASURED = Measurement(pair=PAIR, commit="abc", date="2026-01-02T03:04:05+00:00", load_average=1.5)


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")
    record = Record(Conditions.here(Sizes(), torch.device("cpu")), [MEASURED])
    file = tmp_path / "record.json"
    file.write_text(record.json())
    again = read(file)
    assert again.conditions == record.conditions and again.measurements == record.measurements
    assert again.conditions.environment["MALLOC_ARENA_MAX"] == "1"
    assert json.loads(file.read_text())["pairs"][0]["ratios"] == [2.0, 1.5]


@pytest.mark.parametrize("commit", ["def", "abc+changes"])
def test_at_another_commit_a_pair_replaces_itself_alone(commit: str) -> None:
    record = Record(Conditions.here(Sizes(), torch.device("cpu")), [replace(MEASURED, commit="abc+changes")])
    half = replace(PAIR, precision="bfloat16")
    again = replace(PAIR, difference=0.0)
    for pair in (half, again):
        record.add(replace(MEASURED, pair=pair, commit=commit))
    assert record.pairs == [again, half]


def test_at_the_same_commit_a_pair_gets_more_turns() -> None:
    record = Record(Conditions.here(Sizes(), torch.device("cpu")), [MEASURED])
    again = replace(PAIR, published=(Timing(12.0, 2.0),), ours=(Timing(4.0, 0.0),), difference=1e-3, ours_by_flops=3.0)
    record.add(replace(MEASURED, pair=again, date="2026-01-03"))
    (one,) = record.measurements.values()
    assert one.pair.ratios == [2.0, 1.5, 3.0]
    assert (one.pair.difference, one.pair.ours_by_flops, one.date) == (1e-3, 3.0, "2026-01-03")


@pytest.mark.parametrize("content", ["{}", '{"pairs": 3}'])
def test_other_json_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"other\.json holds no benchmarks"):
        read(file)
    with pytest.raises(ValueError, match="is not there"):
        read(tmp_path / "nowhere.json")
