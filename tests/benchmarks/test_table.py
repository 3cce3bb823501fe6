from dataclasses import replace

from benchmarks.bench import Sizes
from benchmarks.record import Conditions, Measurement, Record
from benchmarks.table import LEGEND, markdown, summary, table
from benchmarks.timing import Pair, Timing

PAIR = Pair(
    name="joint, forward",
    precision="float32",
    clips=1,
    published=(Timing(8.0, 2.0), Timing(6.0, 2.0), Timing(7.0, 2.0)),
    ours=(Timing(4.0, 0.0), Timing(4.0, 0.0), Timing(4.0, 0.0)),
    aim=2.0,
    difference=3e-6,
    published_memory=None,
    ours_memory=None,
    ours_by_flops=3.5,
)
ON_GPU = replace(
    PAIR,
    aim=1.5,
    published=(Timing(0.08, None),),
    ours=(Timing(0.04, None),),
    published_memory=8 * 10**9,
    ours_memory=2 * 10**9,
    ours_by_flops=0.02,
)


def record(*pairs: Pair) -> Record:
    conditions = Conditions(
        hardware="2 cores",
        device="cpu",
        threads=1,
        versions={"torch": "2"},
        environment={"MALLOC_TRIM_THRESHOLD_": "1"},
        sizes=vars(Sizes(repeats=3)),
    )
    return Record(conditions, [Measurement(pair=pair, commit="abc", date="2026-01-02T03:04", load_average=1.5) for pair in pairs])  # noqa: E501  # fmt: skip


def cells(text: str) -> dict[str, str]:
    header, _, row = text.splitlines()[:3]
    return dict(zip(*([cell.strip() for cell in line.strip("|").split("|")] for line in (header, row)), strict=True))


def test_a_row_shows_the_ratio_its_range_and_its_target() -> None:
    assert cells(table([PAIR])) == {
        "what": "joint, forward",
        "precision": "float32",
        "published": "7.00 s",
        "ours": "4.00 s",
        "ratio": "1.75",
        "turns": "1.50 – 2.00 in 3",
        "aim": "2.00, missed",
        "bound": "2.00",
        "system": "29% / 0%",
        "user ratio": "1.25",
        "clips/s": "0.25",
        "by FLOPs": "0.29",
        "difference": "3e-06",
    }


def test_on_a_gpu_memory_replaces_system_time() -> None:
    shown = cells(table([ON_GPU]))
    assert (shown["memory, GB"], shown["published"], shown["clips/s"], shown["by FLOPs"]) == (
        "8.00 / 2.00",
        "80.0 ms",
        "25.00",
        "50.00",
    )
    assert "system" not in shown and "user ratio" not in shown


def test_missed_targets_are_listed_under_the_table_and_reached_ones_are_not() -> None:
    text = markdown(record(PAIR, replace(ON_GPU, name="divided, forward")))
    assert "- joint, forward, float32: aim 2.00, measured 1.75, bound 2.00" in text.splitlines()
    assert "- divided" not in text
    assert "Missed" not in markdown(record(ON_GPU))


def test_the_file_shows_conditions_and_load() -> None:
    text = markdown(record(PAIR))
    assert "CPU time of 1 thread; medians of turns, 3 a process after 1 that does not count" in text
    assert "Environment: MALLOC_TRIM_THRESHOLD_=1." in text
    assert "Commit abc; 2026-01-02; load average 1.5 – 1.5" in text


def test_columns_that_are_shown_are_explained() -> None:
    for pair in (PAIR, ON_GPU):
        text = markdown(record(pair))
        for header, meaning in LEGEND.items():
            assert (f"- {header}: {meaning}" in text) == (header in cells(table([pair])))


def test_a_summary_is_one_line() -> None:
    assert summary(PAIR) == "joint, forward, float32: 1.75 (1.50 – 2.00 in 3), aim 2.00, missed"
    assert summary(replace(PAIR, aim=None)) == "joint, forward, float32: 1.75 (1.50 – 2.00 in 3)"


def test_no_pairs_make_an_empty_table() -> None:
    assert table([]) == ""
    assert "Versions: torch 2." in markdown(record())
