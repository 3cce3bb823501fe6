"""Verdicts on claims from measured values: pairing, seeds, scales, and reasons that leave a comparison undecided."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import to_builtins

from experiments.motionformer.base import K400
from experiments.spec.claims import (
    CellValue,
    Claim,
    Comparison,
    about,
    above,
    below,
    best,
    cell,
    claim,
    percent_difference,
    rising,
    same,
    unbounded,
    within,
)
from experiments.spec.metrics import DEVICE_HOURS, GFLOPS, Computed, Evenness, Measured, VideosPerSecondInTurns
from experiments.spec.scales import PAPER, Scale
from experiments.spec.table import Cell, Column, Table
from reports.claims.claim_text import as_json, lines, number_text
from reports.claims.evidence import Leaf, UndecidableError, drawn, with_seeds
from reports.claims.verdicts import Judgement
from reports.collect import judged_claims
from reports.pages.report import ReportCell, SeedResult
from reports.saved import JudgedReport
from runner.store.records import Hits
from runner.store.run_directory import RunDirectory
from runner.store.store import StoredTest
from tests.reports.conftest import Trial
from tests.reports.saved_reports import markdown
from tests.runner.stored_metrics import record_with

Score = Callable[..., None]
Judge = Callable[..., Judgement]
Correct = int | tuple[int, int]  # number of correct items, the first ones, or the first and the end of them

NUM_ITEMS = 1000
IDS = tuple(map(str, range(NUM_ITEMS)))
MARGIN = cell("ours.k400") - cell("joint.k400")
LEAD = above(MARGIN)


@pytest.fixture
def score(trial: Trial) -> Score:
    """Writes finished tests of cells with their correct items."""

    def write(correct: dict[str, Correct], *, scale: Scale = trial.scale, seed: int = 0,
              ids: tuple[str, ...] = IDS, bits: bool = True, **facts: object) -> None:  # fmt: skip
        for name, items in correct.items():
            first, last = items if isinstance(items, tuple) else (0, items)
            mask = (np.arange(len(ids)) >= first) & (np.arange(len(ids)) < last)
            hits = {"hits": to_builtins(Hits.of({"top1": mask}, ids))} if bits else {}
            run = trial.of(trial.table, scale).run(name, seed)
            trial.finish(run, 100 * float(mask.mean()), **hits, **facts)

    return write


@pytest.fixture
def judged(trial: Trial) -> Judge:
    """Verdict on a comparison of the table."""

    def judge(comparison: Comparison, *, scale: Scale = trial.scale, seeds: tuple[int, ...] = (0,),
              columns: tuple[Column, ...] | None = None, **claim_options: bool) -> Judgement:  # fmt: skip
        one, table = claim("C1", "section 1", "A claim", comparison, **claim_options), trial.table
        rows = table.rows if columns is None else tuple(replace(row, paper=()) for row in table.rows)
        changed = replace(table, columns=columns or table.columns, rows=rows, claims=(one,))
        [(_, [found])] = judged_claims(changed, scale, trial.store, seeds=seeds)
        return found

    return judge


def test_lead_beyond_the_interval_is_supported_with_its_margin(score: Score, judged: Judge) -> None:
    score({"ours.k400": 700, "joint.k400": 650})
    found = judged(LEAD)
    assert (found.verdict, found.reason) == ("supported", "")
    assert found.margins == pytest.approx((5.0,))
    assert found.interval == pytest.approx((3.5, 6.5), abs=0.3)  # all discordant items favour one row
    assert (found.items, found.num_seeds) == ((("kinetics400", 1000),), 1)
    assert (found.printed, found.printed_margins) == ("noise", (0.5,))


@pytest.mark.parametrize(
    ("ours", "joint", "comparison", "verdict"),
    [
        (700, 650, below(MARGIN), "not supported"),
        ((300, 810), 500, LEAD, "undecided"),  # a margin of 1 point with many discordant items
        ((300, 810), (310, 810), LEAD, "supported"),  # and with few
        (700, 650, about(MARGIN, 5, 0.5), "supported"),
        (700, 650, about(MARGIN, 9, 0.5), "not supported"),
        (700, 650, within(MARGIN, 6.25), "supported"),  # its p-value, 0.04, is one-sided
        (700, 650, within(MARGIN, 1), "not supported"),
        (700, 650, within(MARGIN, 5.2), "undecided"),
    ],
)
def test_margins_are_compared_within_their_intervals(
    ours: Correct, joint: Correct, comparison: Comparison, verdict: str, score: Score, judged: Judge
) -> None:
    score({"ours.k400": ours, "joint.k400": joint})
    assert judged(comparison).verdict == verdict


def test_derived_cells_and_other_metrics_of_a_cell_rest_on_two_data_sets(score: Score, judged: Judge) -> None:
    score({"ours.k400": 600, "ours.ssv2": 500, "joint.k400": 700, "joint.ssv2": 350})
    of_column = judged(above(cell("joint.delta") - cell("ours.delta")))
    even = Evenness("even", ("k400", "ssv2"))
    found = judged(above(cell("ours.k400", even) - cell("joint.k400", even)))
    assert of_column.verdict == found.verdict == "supported" and str(found.comparison) == "ours.even - joint.even > 0"
    assert of_column.margins == pytest.approx((25.0,)) and found.margins == pytest.approx((5 / 6 - 1 / 2,))
    assert found.printed_margins == pytest.approx((66.5 / 79.7 - 64.0 / 79.2,))
    for one in (of_column, found):
        assert [name for name, _ in one.items] == ["kinetics400", "ssv2"]


def test_trend(score: Score, judged: Judge) -> None:
    score({"joint.k400": 500, "short.k400": 600, "ours.k400": 700})
    trend = tuple(cell(f"{row}.k400") for row in ("joint", "short", "ours"))
    found = judged(rising(trend))
    assert found.verdict == "supported" and found.margins == pytest.approx((10, 10))
    assert judged(rising(trend[::-1])).verdict == "not supported"
    score({"short.k400": 706})  # of two steps, one may be reversed by chance
    assert judged(rising(trend)).verdict == "supported"


def test_seeds_are_resampled_and_only_common_ones_count(score: Score, judged: Judge) -> None:
    score({"ours.k400": 700, "joint.k400": 650}, seed=0)
    score({"ours.k400": 720, "joint.k400": 660}, seed=1)
    score({"ours.k400": 740}, seed=2)
    found = judged(LEAD, seeds=(0, 1, 2))
    assert (found.num_seeds, found.verdict) == (2, "supported")
    assert found.margins == pytest.approx((5.5,))
    score({"short.k400": 600}, seed=2)
    assert judged(above(cell("short.k400") - cell("joint.k400")), seeds=(0, 1, 2)).reason == (
        "no seed that all rows have finished"
    )


def test_several_comparisons_are_decided_jointly(trial: Trial, score: Score) -> None:
    """A lead that is just significant alone is not so beside others that are not."""
    score({"ours.k400": (5, 516)})  # 16 items that joint misses, and the reverse for 5
    score({"joint.k400": 500, "short.k400": 500})
    alone = claim("C1", "section 1", "A lead", LEAD)
    others = [claim(f"C{n}", "section 1", "A lead", above(cell("short.k400") - cell("joint.k400"))) for n in (2, 3, 4)]

    def verdict(*claims: Claim) -> Judgement:
        return judged_claims(replace(trial.table, claims=claims), trial.scale, trial.store)[0].judgements[0]

    assert verdict(alone).verdict == "supported"
    assert undecided(verdict(alone, *others), "not jointly with the other claims")


def undecided(found: Judgement, reason: str) -> bool:
    return found.verdict == "undecided" and found.reason == reason


SPLIT = {"items": NUM_ITEMS, "annotations": "aaaa", "files": "ffff", "missing": 0, "num_bytes": 1}
DATA = {"name": "kinetics400", "fingerprint": "0123", "train": SPLIT, "test": SPLIT}
OTHER_SPLIT = {**SPLIT, "annotations": "bbbb"}


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"bits": False}, "results do not tell the correct items"),
        ({"bits": False, "hits": to_builtins(Hits.of({"top1": np.ones(NUM_ITEMS, bool)}, IDS))}, "not run: joint.k400"),
        ({"ids": IDS[::-1]}, "tests of different items or views"),
        ({"ids": IDS[:900]}, "tests of different items or views"),
        ({"data": DATA}, ""),
        ({"data": {name: value for name, value in DATA.items() if name != "train"}}, ""),  # unrecorded
        ({"data": {name: value for name, value in DATA.items() if name != "test"}}, ""),
        ({"data": {**DATA, "train": OTHER_SPLIT}}, "trained or tested on different data"),
        ({"data": {**DATA, "test": OTHER_SPLIT}}, "trained or tested on different data"),
        ({"classes": {"up": [50, 500], "down": [50, 500]}}, "near chance: joint.k400"),
        ({"classes": {str(number): [5, 50] for number in range(20)}}, ""),
    ],
)
def test_results_that_cannot_be_compared_leave_a_lead_undecided(
    facts: dict, reason: str, score: Score, judged: Judge
) -> None:
    score({"ours.k400": 700}, data=DATA)
    assert undecided(judged(LEAD), "not run: joint.k400") and judged(LEAD).margins == ()
    score({"joint.k400": 100}, **{"data": DATA, **facts})
    found = judged(LEAD)
    assert (found.verdict, found.reason) == ("undecided" if reason else "supported", reason)
    assert (found.interval is None) == bool(reason and not reason.startswith("near"))
    margin = 70 - 100 * 100 / len(facts.get("ids", IDS))
    assert found.margins == (() if reason.startswith("not run") else pytest.approx((margin,)))


def test_accuracies_of_small_models_are_not_judged_and_counts_are(score: Score, judged: Judge, toy: Scale) -> None:
    score({"ours.k400": 700, "joint.k400": 600}, scale=toy)
    found = judged(LEAD, scale=toy)
    assert (found.verdict, found.reason, found.margins) == ("not judged", "small models", ())
    assert judged(above(cell("ours.delta") - cell("joint.delta")), scale=toy).verdict == "not judged"
    costs = below(cell("joint.gflops") / cell("ours.gflops"), 0.5)
    assert judged(costs, scale=toy).verdict == "supported"
    assert judged(costs, scale=toy, real_data=True).verdict == "not judged"


def test_small_models_on_real_data_decide_orders_but_neither_sizes_nor_comparisons_with_quoted_rows(
    score: Score, judged: Judge, toy: Scale
) -> None:
    real = replace(toy, gpu=PAPER.gpu)
    score({"ours.k400": 700, "joint.k400": 600}, scale=real)
    assert judged(LEAD, scale=real).verdict == judged(LEAD, scale=real, real_data=True).verdict == "supported"
    assert judged(below(MARGIN), scale=real).verdict == "not supported"
    for size in (about(MARGIN, 10, 0.5), above(MARGIN, 5)):
        found = judged(size, scale=real)
        assert undecided(found, "a size, of smaller models")
        assert found.margins == (10.0,) and found.interval is not None
    found = judged(best("ours", "k400", ["other", "joint"]), scale=real)
    assert (found.verdict, found.reason) == ("not judged", "quoted models are of the paper's size")


def test_one_seed_of_a_small_model_has_the_assumed_deviation_of_a_training(
    score: Score, judged: Judge, toy: Scale
) -> None:
    widths = {}
    for scale, seeds in itertools.product((replace(toy, gpu=PAPER.gpu), PAPER), ((0,), (0, 1))):
        score({"ours.k400": 700, "joint.k400": 690}, scale=scale, seed=seeds[-1])
        found = judged(above(MARGIN), scale=scale, seeds=seeds)
        assert found.interval is not None
        widths.setdefault(len(seeds), []).append(found.interval[1] - found.interval[0])
    one, two = widths.values()
    assert one[0] ** 2 - one[1] ** 2 == pytest.approx((2 * 1.96 * 0.4) ** 2 * 2, rel=0.25)
    assert two[0] == two[1]


def test_a_quoted_accuracy_has_the_sampling_error_of_its_test_set(score: Score, judged: Judge) -> None:
    comparison = best("ours", "k400", ["other", "joint"])  # 99.0 is quoted
    score({"ours.k400": 700, "joint.k400": 600}, scale=PAPER)
    found = judged(comparison, scale=PAPER)
    assert found.verdict == "not supported" and found.margins == pytest.approx((-29.0,))
    assert found.interval is not None and found.interval[0] < -30 < -28 < found.interval[1]
    score({"ours.k400": 990}, scale=PAPER)
    assert judged(comparison, scale=PAPER).verdict == "undecided"


@pytest.mark.parametrize("scale", [None, PAPER])
def test_what_no_run_can_decide_says_why(judged: Judge, small: Scale, scale: Scale | None) -> None:
    reasons = {
        unbounded(MARGIN): "no bound is printed",
        within(cell("other.k400") - cell("other.ssv2"), 1): "quoted alone",
        above(cell("ours.gflops") / cell("other.gflops")): "quoted without error",
    }
    for comparison, reason in reasons.items():
        found = judged(comparison, scale=scale or small)
        assert (found.verdict, found.reason) == ("never", reason)
    assert judged(unbounded(MARGIN)).printed == "no bound"


@pytest.mark.parametrize("other_model", [False, True])
def test_tests_of_one_model_in_other_views_are_paired(table: Table, tmp_path: Path, other_model: bool) -> None:
    leaves = []
    for views, last in ((1, 600), (2, 700)):
        hits = to_builtins(Hits.of({"top1": np.arange(NUM_ITEMS) < last}, IDS))
        data = {"name": "kinetics400", "fingerprint": "c"}
        fields = {"data": data, "hits": hits, "views": views, "crops": 3, "top1": last / 10}
        record = record_with({**fields, "train_id": f"model{views * other_model}"})
        test = SeedResult(run=K400, state="done", value=last / 10, test=StoredTest(record, RunDirectory(tmp_path)))
        found = ReportCell(cell=Cell(table.rows[3], table.columns[1], None), state="done", seeds=(test,))
        leaves.append(Leaf(CellValue("ours", f"views-{views}"), last / 10, found))
    if other_model:
        with pytest.raises(UndecidableError, match="tests of different items or views"):
            drawn(leaves, [0])
    else:
        samples, items = drawn(leaves, [0])
        one, two = (samples[leaf.cell] for leaf in leaves)
        assert np.percentile(two - one, 2.5) > 8  # unpaired, it would be below 6
        trained_anew = with_seeds(samples, leaves, [0])  # both deviate together
        np.testing.assert_allclose(trained_anew[leaves[1].cell] - trained_anew[leaves[0].cell], two - one)
        assert items == (("kinetics400", NUM_ITEMS),)


def test_counted_costs_are_exact_and_at_the_papers_size(judged: Judge) -> None:
    found = judged(below(cell("joint.gflops") / cell("ours.gflops"), 0.5))
    assert (found.verdict, found.interval, found.items) == ("supported", None, ())
    assert found.margins == pytest.approx((0.489,), abs=0.001)
    assert judged(within(percent_difference(cell("short.gflops"), cell("ours.gflops")), 1)).verdict == "supported"
    counted = judged(below(cell("joint.k400", GFLOPS) / cell("ours.k400", GFLOPS), 0.4))
    assert (counted.verdict, counted.printed) == ("not supported", "not printed")
    assert str(counted.comparison) == "joint.gflops / ours.gflops < 0.4"


def test_memory_is_compared_under_equal_conditions(judged: Judge, trial: Trial) -> None:
    memory = Column(key="memory", header="Mem.", metric=Measured("peak_gib", "memory"), base=K400)
    comparison = below(cell("joint.memory") / cell("ours.memory"), 0.5, inclusive=True)
    ours, joint = (trial.of(trial.table, PAPER).run(f"{row}.k400") for row in ("ours", "joint"))
    trial.measure(ours, "memory", peak_gib=8.0)
    trial.measure(joint, "memory", peak_gib=4.0)
    assert judged(comparison, columns=(memory,)).verdict == "supported"
    trial.measure(joint, "memory", peak_gib=4.0, batch_size=1)
    assert undecided(judged(comparison, columns=(memory,)), "measured under different conditions")


def test_times_need_repeats_and_disjoint_ranges(judged: Judge, trial: Trial) -> None:
    hours = (Column(key="hours", header="Hours", metric=DEVICE_HOURS, base=K400),)
    comparison = above(cell("ours.hours") / cell("joint.hours"), 1)
    for seed in range(5):
        trial.finish(trial.run("ours.k400", seed), device_hours=5.0 + seed)
        trial.finish(trial.run("joint.k400", seed), device_hours=1.0 + seed / 2)
    assert undecided(judged(comparison, columns=hours), "a time needs 5 repeats")
    assert judged(comparison, columns=hours, seeds=(0, 1, 2, 3, 4)).verdict == "supported"
    trained = [{"commit": "0123", "hardware": "8 x GPU", "versions": {}}]
    last = trial.run("joint.k400", 4)
    trial.finish(last, device_hours=3.0, training=trained)  # tested on the machine of the others
    found = judged(comparison, columns=hours, seeds=(0, 1, 2, 3, 4))
    assert undecided(found, "measured under different conditions")
    trial.finish(last, device_hours=6.0)
    assert judged(comparison, columns=hours, seeds=(0, 1, 2, 3, 4)).verdict == "undecided"


def test_speeds_measured_in_turns_need_repeats_and_disjoint_ranges(judged: Judge, trial: Trial) -> None:
    metric = VideosPerSecondInTurns("videos_per_second", "turns-float32")
    speed = (Column(key="speed", header="Videos/s", metric=metric, base=K400),)
    comparison = above(cell("ours.speed") - cell("joint.speed"))
    ours, joint = (trial.of(trial.table, PAPER).run(f"{row}.k400") for row in ("ours", "joint"))

    def keep(num_rounds: int, slowest: float, session: str = "now") -> None:
        seconds = {run.train_id: [first, *[others] * (num_rounds - 1)]
                   for run, first, others in ((ours, 1.0, 1.2), (joint, 2.0, slowest))}  # fmt: skip
        both = {"seconds_per_item": seconds, "rounds": num_rounds}
        trial.measure(ours, "turns-float32", batch_size=8, session="now", **both)
        trial.measure(joint, "turns-float32", batch_size=4, session=session, **both)

    keep(4, 2.0)
    assert undecided(judged(comparison, columns=speed), "a time needs 5 repeats")
    keep(5, 2.0)
    found = judged(comparison, columns=speed)
    assert found.verdict == "supported" and found.interval is not None
    assert found.margins == pytest.approx((1 / 1.2 / 30 - 1 / 2 / 30,))
    keep(5, 1.1)
    assert judged(comparison, columns=speed).verdict == "undecided"
    keep(5, 2.0, session="yesterday")
    assert undecided(judged(comparison, columns=speed), "measured under different conditions")


def test_texts_are_compared_with_quoted_ones(judged: Judge) -> None:
    kind = Computed("kind", lambda run: "Large" if run.model.width > 1 else "Small")  # pyright: ignore
    columns = (Column(key="kind", header="Kind", metric=kind, base=K400),)
    assert judged(same(cell("ours.kind"), cell("joint.kind")), columns=columns).verdict == "supported"


def test_report_shows_claims_and_how_they_are_judged(trial: Trial, score: Score) -> None:
    score({"ours.k400": 700, "joint.k400": 650})
    several = replace(
        trial.table,
        claims=(
            claim("C1", "section 1", "Ours leads | always", LEAD),
            claim("C2", "caption", "It costs more", above(cell("ours.gflops") / cell("joint.gflops"), 1)),
        ),
    )
    report = trial.of(several).report()
    text = markdown(report)
    assert "## What the paper concludes" in text
    [line] = [line for line in text.splitlines() if "C1, section 1" in line]
    cells = [part.strip() for part in line.replace("\\|", "").strip("|").split("|")]
    assert cells[1:4] == ["`ours.k400 - joint.k400 > 0`", "+0.5", "noise"]
    assert cells[4] == "+5" and cells[6] == "supported" and cells[5].startswith("[3.")
    assert "With one seed, they hold for these trained models" in text
    encoded = json.loads(json.dumps(as_json(JudgedReport(report).claims)))
    assert [one["claim"] for one in encoded] == ["C1", "C2"]
    assert encoded[0]["comparisons"][0]["ours"]["verdict"] == "supported"
    assert encoded[0]["comparisons"][0]["printed"] == {"margins": [0.5], "verdict": "noise"}
    assert JudgedReport(trial.of(several).report(rows=["ours"])).claims == ()


def test_verdicts_on_runs_with_overrides_and_their_costs_are_not_called_those_of_the_table(trial: Trial) -> None:
    claimed = replace(trial.table, claims=(claim("C1", "section 1", "A claim", LEAD),))
    sentences = (
        "Our verdicts are on other runs and models than those of the table: model.depth=1.",
        "executed, GFLOPs",
    )
    for overrides, expected in (([], [False, True]), (["model.depth=1"], [True, False])):
        text = trial.of(claimed).page(overrides=overrides)
        assert [sentence in text for sentence in sentences] == expected


def test_trends_show_their_steps_and_places_are_named(trial: Trial) -> None:
    trend = claim("C1", "section 1", "Rising", rising((cell("joint.k400"), cell("ours.k400"), cell("other.k400"))))
    [(_, _, printed, verdict, ours, interval, own)] = lines(
        judged_claims(replace(trial.table, claims=(trend,)), trial.scale, trial.store)
    )
    assert (printed, verdict) == ("+0.5, +19.3", "supported")
    assert (ours, interval, own) == ("–", "–", "undecided (not run: joint.k400, ours.k400)")


@pytest.mark.parametrize(
    ("number", "text"), [(0.9968, "0.9968"), (1.0, "1"), (0.715, "0.71"), (-0.003, "−0.003"), (0.0, "0"), (2.5, "2.5")]
)
def test_a_number_beside_a_bound_is_not_rounded_to_it(number: float, text: str) -> None:
    assert number_text(number, signed=False) == text
