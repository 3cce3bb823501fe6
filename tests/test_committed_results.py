"""Committed tiny results on stand-in data sets: motion is necessary on SSv2 and hardly necessary on Kinetics."""

from pathlib import Path

import pytest

from experiments.spec.catalog import find, load
from experiments.spec.metrics import TOP1
from experiments.spec.scales import TINY
from reports.collect import collect
from reports.pages.chance import near_chance
from runner.store.jobs import jobs_of
from runner.store.store import RunStore

RESULTS = Path(__file__).resolve().parents[1] / "reports" / "results"


def values(table: str, tmp_path: Path) -> dict[str, float]:
    report = collect(load(table), TINY, RunStore(tmp_path, results=RESULTS))
    return {
        f"{row.row.key}.{cell.column.key}": cell.value
        for row in report.rows
        for cell in row.cells
        if isinstance(cell.value, float) and cell.seeds
    }


def test_every_row_of_table_4_classifies_motion(tmp_path: Path) -> None:
    found = values("motionformer/table4", tmp_path)
    assert len(found) == 10
    assert min(value for name, value in found.items() if name.endswith(".ssv2")) > 60


def test_one_frame_is_near_chance_on_ssv2_and_near_eight_frames_on_kinetics(tmp_path: Path) -> None:
    found = values("motionformer/table8", tmp_path)
    base = load("motionformer/table8").find_row("ssv2").base
    assert base is not None
    (num_classes,) = TINY.of(base).data.targets.classes.values()
    chance = 100 / num_classes
    assert found["ssv2.one-frame"] == pytest.approx(chance, abs=10)
    assert found["k400.one-frame"] == pytest.approx(found["k400.eight-frames"], abs=15)


def test_cast_has_the_verbs_of_one_expert_and_the_nouns_of_the_other(tmp_path: Path) -> None:
    alone, adapted, directions = (values(f"cast/{name}", tmp_path) for name in ("table9", "table1a", "table1g"))
    assert alone["aim.verb"] < 30 < 60 < alone["videomae.verb"]
    assert adapted["cast.verb"] > adapted["indep-adapter.verb"] + 5
    assert adapted["cast.action"] > max(adapted["indep-adapter.action"], adapted["ensemble.action"])
    assert adapted["cast.noun"] > 75
    assert directions["s2t.verb"] > directions["t2s.verb"] and directions["t2s.noun"] > directions["s2t.noun"]


def test_two_equal_experts_lack_one_kind_of_label(tmp_path: Path) -> None:
    found = values("cast/table1h", tmp_path)
    assert found["clip-clip.verb"] < 30 < 60 < found["clip-mae.verb"]
    assert found["mae-mae.noun"] < found["clip-mae.noun"]


def test_rgb_and_pose_together_are_better_than_either(tmp_path: Path) -> None:
    found = values("deform3d/modalities", tmp_path)
    for name in ("penn", "ntu60", "gym99"):
        assert found[f"rgb.{name}"] + 25 < found[f"pose.{name}"] < found[f"both.{name}"] - 5
    parts = values("deform3d/ablation", tmp_path)
    assert parts["pose.appearance"] == 0 and parts["rgb.motion"] < 5
    assert min(parts["default.motion"], parts["default.appearance"], parts["default.both"]) > 60


def test_the_stand_in_of_poses_needs_motion(tmp_path: Path) -> None:
    found = values("deform3d/figureA1", tmp_path)
    assert found["default.on-4"] + 20 < found["default.on-12"]


def test_texts_of_long_range_arena_are_told_by_every_attention(tmp_path: Path) -> None:
    found = values("motionformer/table5", tmp_path)
    rows = ("exact", "performer-256", "nystromformer-128", "orthoformer-64")
    assert min(found[f"{row}.text"] for row in rows) > 60 > found["first-token.text"]


def test_the_default_row_learns_every_task_of_long_range_arena(tmp_path: Path) -> None:
    report = collect(load("motionformer/table5"), TINY, RunStore(tmp_path, results=RESULTS), rows=["exact"])
    results = [seed.test.record for cell in report.rows[0].cells for seed in cell.seeds if seed.test is not None]
    assert len(results) == 5
    assert not any(near_chance(result, TOP1) for result in results)


def test_keys_of_a_trained_model_follow_objects_and_its_attention_does_not(tmp_path: Path) -> None:
    found = values("motionformer/table9", tmp_path)
    assert found["keys.jf"] > found["random-tokens.jf"] + 10 > found["kept.jf"] + 20
    assert found["last-block.jf"] < found["ours.jf"] < found["kept.jf"]


def test_committed_results_are_accepted_and_stand_beside_the_config_of_their_run(tmp_path: Path) -> None:
    store = RunStore(tmp_path, results=RESULTS)
    committed = [
        job.run
        for job in jobs_of(find(["*"]), TINY, [], (0,))
        if any(RESULTS.glob(f"{job.run.train_id}/metrics/*.json"))
    ]
    assert committed
    for run in committed:
        assert store.test(run) is not None
        assert (RESULTS / run.train_id / "config.json").exists()
