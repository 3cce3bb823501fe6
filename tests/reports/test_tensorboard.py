import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import api_pb2, metadata
from torch.utils.tensorboard import SummaryWriter

from experiments.motionformer.base import EPIC100, K400
from experiments.runner.store import RunStore
from experiments.spec import metrics
from experiments.spec.catalog import load
from experiments.spec.metrics import ACTION, NOUN, TOP1, VERB, Computed, Mean, Measured
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER, TINY, Scale
from experiments.spec.table import Column, Table
from reports.collect import collect
from reports.figures import row_pictures
from reports.publish import publish
from reports.tensorboard import OWN_FILE, PICTURE, build_view

RunOf = Callable[..., RunConfig]
Finish = Callable[..., None]
TableOf = Callable[..., Table]


@pytest.fixture
def trained(store: RunStore, finish: Finish, run_of: RunOf, small: Scale) -> None:
    for name, top1 in (("joint.k400", 60.0), ("joint.ssv2", 50.0), ("ours.k400", 61.0)):
        run = run_of(small, name)
        finish(run, top1)
        with SummaryWriter(str(store.run(run.train_id).tensorboard)) as writer:
            writer.add_scalar("train/loss", top1 / 10, 7)


def read(view: Path) -> EventMultiplexer:
    """Contents of the view, read by TensorBoard."""
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(view))
    multiplexer.Reload()
    return multiplexer


def value(multiplexer: EventMultiplexer, run: str, tag: str) -> float:
    [event] = multiplexer.Tensors(run, tag)
    return event.tensor_proto.float_val[0]


def test_each_trained_cell_is_a_run_named_as_in_the_table(
    table: Table, small: Scale, store: RunStore, trained: None
) -> None:
    view = build_view(collect(table, small, store), store)
    assert view == store.root / "views" / "paper_table1.tiny"
    assert sorted(read(view).Runs()) == [
        "Joint, Small · Top-1 - K-400",
        "Joint, Small · Top-1 - SSv2",
        "Ours, Small (Att_T) · Top-1 - K-400",
        "Ours, Small (Att_T) · Top-1 - SSv2",
        "Ours, Small · Top-1 - K-400",
        "Ours, Small · Top-1 - SSv2",
    ]


def test_a_run_shows_its_curves_and_its_final_values(
    table: Table, small: Scale, store: RunStore, trained: None
) -> None:
    runs = read(build_view(collect(table, small, store), store))
    joint = "Joint, Small · Top-1 - K-400"
    assert runs.Scalars(joint, "train/loss")[0].step == 7
    assert value(runs, joint, "table/k400") == 60.0
    assert value(runs, joint, "table/gflops") == pytest.approx(180.64, abs=0.01)
    assert value(runs, joint, "table/delta") == 10.0
    assert "table/ssv2" not in runs.Runs()[joint]["tensors"]


def test_hparams_have_the_same_factors_and_columns_in_every_run(
    table: Table, small: Scale, store: RunStore, trained: None
) -> None:
    runs = read(build_view(collect(table, small, store), store))
    experiments, groups, values = [], {}, {}
    for run in runs.Runs():
        tags = runs.PluginRunToTagToContent(metadata.PLUGIN_NAME)[run]
        experiments.append(tags[metadata.EXPERIMENT_TAG])
        start = metadata.parse_session_start_info_plugin_data(tags[metadata.SESSION_START_INFO_TAG])
        groups.setdefault(start.group_name, set()).add(run)
        values[start.group_name] = {key: field.string_value for key, field in start.hparams.items()}
    assert len(set(experiments)) == 1
    experiment = metadata.parse_experiment_plugin_data(experiments[0])
    assert {info.name for info in experiment.hparam_infos} == {"Attention", "Kind", "Att_T"}
    assert [info.display_name for info in experiment.metric_infos] == ["GFLOPs", "Top-1 / K-400", "Top-1 / SSv2", "Δ"]
    assert {key: len(members) for key, members in groups.items()} == {"joint": 2, "short": 2, "ours": 2}
    assert values["ours"] == {"Attention": "Ours", "Kind": "Small", "Att_T": "✓"}
    assert values["joint"]["Att_T"] == "–"


def test_several_seeds_are_runs_of_one_group(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    for seed in (0, 1):
        finish(run_of(small, "joint.k400", seed), 60.0 + seed)
    runs = read(build_view(collect(table, small, store, seeds=(0, 1)), store))
    found = {run: value(runs, run, "table/k400") for run in runs.Runs() if run.startswith("Joint, Small · Top-1 - K")}
    assert found == {"Joint, Small · Top-1 - K-400 · seed 0": 60.0, "Joint, Small · Top-1 - K-400 · seed 1": 61.0}


def test_a_row_without_training_is_one_run(table: Table, store: RunStore) -> None:
    untrained = type(table)(
        name="paper/table2",
        caption="",
        source="",
        labels=table.labels,
        columns=table.columns[:1],
        tiny=(),
        rows=tuple(type(row)(key=row.key, labels=row.labels, quoted=row.quoted) for row in table.rows[:3]),
    )
    runs = read(build_view(collect(untrained, PAPER, store), store))
    assert sorted(runs.Runs()) == ["Joint, Small", "Ours, Small"]


def test_a_run_without_training_has_final_values_but_no_curves(
    table_of: TableOf, small: Scale, store: RunStore, finish: Finish
) -> None:
    untrained = table_of(Column(key="top1", header="Top-1", metric=TOP1, base=replace(K400, optim=None)))
    name = "Ours, Small (Att_T) · Top-1"
    for top1, status in ((None, "STATUS_RUNNING"), (55.0, "STATUS_SUCCESS")):
        if top1 is not None:
            finish(untrained.run_of("ours.top1", small, (), 0), top1)
        view = build_view(collect(untrained, small, store), store)
        runs = read(view)
        assert list(runs.Runs()) == [name] and os.listdir(view / name) == [OWN_FILE]
        end = runs.PluginRunToTagToContent(metadata.PLUGIN_NAME)[name][metadata.SESSION_END_INFO_TAG]
        parsed = metadata.parse_session_end_info_plugin_data(end)
        assert parsed.status == api_pb2.Status.Value(status)  # type: ignore[attr-defined]
    assert runs.Runs()[name]["scalars"] == []
    assert value(runs, name, "table/top1") == 55.0


def test_metrics_of_any_task_become_columns(table_of: TableOf, small: Scale, store: RunStore, finish: Finish) -> None:
    shown = (ACTION, VERB, NOUN, metrics.Tested("mean_error"))
    kitchen = table_of(
        *(Column(key=f"epic-{one.name}", header=("EPIC-100", one.name), metric=one, base=EPIC100) for one in shown),
        Column(key="mean", header="Mean", metric=Mean("mean", ("epic-verb", "epic-noun"))),
    )
    finish(kitchen.run_of("ours.epic-verb", small, (), 0), action=20.0, verb=50.0, noun=40.0, mean_error=0.25)
    runs = read(build_view(collect(kitchen, small, store), store))
    name = "Ours, Small (Att_T) · EPIC-100 - action"  # one test, by the first column that shows it
    assert list(runs.Runs()) == [name]
    columns = {"epic-action": 20.0, "epic-verb": 50.0, "epic-noun": 40.0, "epic-mean_error": 0.25, "mean": 45.0}
    assert {key: value(runs, name, f"table/{key}") for key in columns} == columns
    tags = runs.PluginRunToTagToContent(metadata.PLUGIN_NAME)[name]
    experiment = metadata.parse_experiment_plugin_data(tags[metadata.EXPERIMENT_TAG])
    assert [info.name.tag for info in experiment.metric_infos] == [f"table/{key}" for key in columns]


def test_integers_are_logged_as_values(
    table_of: TableOf, store: RunStore, keep_measurement: Callable[..., Path]
) -> None:
    speed = Measured("videos_per_second", "throughput")
    measured = table_of(
        Column(key="speed", header="Videos/s", metric=speed, base=K400),
        Column(key="depth", header="Depth", metric=Computed("depth", lambda run: 12), base=K400),
    )
    keep_measurement(K400, "throughput", videos_per_second=3)
    runs = read(build_view(collect(measured, PAPER, store), store))
    name = "Ours, Small (Att_T)"
    assert [value(runs, name, f"table/{key}") for key in ("speed", "depth")] == [3, 12]


def test_rebuilding_keeps_unchanged_files_and_removes_obsolete_ones(
    table: Table, small: Scale, store: RunStore, run_of: RunOf, trained: None
) -> None:
    report = collect(table, small, store)
    view = build_view(report, store)
    own = view / "Joint, Small · Top-1 - K-400" / OWN_FILE
    before = own.stat().st_mtime_ns, own.stat().st_ino
    (view / "obsolete row").mkdir()
    [events] = store.run(run_of(small, "joint.k400").train_id).tensorboard.iterdir()
    events.rename(events.with_name(events.name + ".1"))  # like a resumed run, which adds a file with another name
    build_view(report, store)
    assert (own.stat().st_mtime_ns, own.stat().st_ino) == before
    assert not (view / "obsolete row").exists()
    assert sorted(os.listdir(own.parent)) == sorted([OWN_FILE, events.name + ".1"])


def test_attention_maps_are_logged_as_images_of_their_rows(store: RunStore, keep_maps: Callable[..., Path]) -> None:
    keep_maps("k400", TINY)
    keep_maps("ssv2", TINY).unlink()
    report = collect(load("motionformer/figure4"), TINY, store)
    runs = read(build_view(report, store))
    name = "K-400 · Top-1 of the model"
    [event] = runs.Images(name, PICTURE)
    assert event.encoded_image_string == row_pictures(report)["k400"]
    with Image.open(io.BytesIO(event.encoded_image_string)) as image:
        assert image.size == (event.width, event.height)
    assert [run for run, tags in runs.Runs().items() if tags["images"]] == [name]


def test_several_tests_of_a_run_are_one_run_named_by_their_common_header_levels(
    store: RunStore, finish: Finish
) -> None:
    figure = load("motionformer/figure3")
    for column, top1 in (("k400-1", 60.0), ("k400-2", 70.0), ("ssv2-100", 80.0)):
        finish(figure.run_of(f"joint.{column}", TINY, (), 0), top1)
    view = build_view(collect(figure, TINY, store, rows=["joint"]), store)
    names = ["Joint Space-Time · K-400, temporal stride", "Joint Space-Time · SSv2, temporal stride"]
    runs = read(view)
    assert sorted(runs.Runs()) == names
    assert [value(runs, names[0], f"table/k400-{stride}") for stride in (1, 2)] == [60, 70]
    assert value(runs, names[1], "table/ssv2-100") == 80


def test_runs_with_overrides_have_a_separate_directory(table: Table, small: Scale, store: RunStore) -> None:
    view = build_view(collect(table, small, store, overrides=["optim.epochs=3"]), store)
    assert view == store.root / "views" / "paper_table1.tiny.modified"


def test_building_a_view_does_not_change_runs(table: Table, small: Scale, store: RunStore, trained: None) -> None:
    def files() -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in store.root.rglob("*") if p.is_file() and "views" not in p.parts}

    before = files()
    build_view(collect(table, small, store), store)
    build_view(collect(table, small, store, rows=["ours"]), store)
    assert files() == before


def groups(runs: EventMultiplexer) -> dict[str, str]:
    """Session group of each run."""
    tags = {run: runs.PluginRunToTagToContent(metadata.PLUGIN_NAME)[run] for run in runs.Runs()}
    starts = {
        run: metadata.parse_session_start_info_plugin_data(found[metadata.SESSION_START_INFO_TAG])
        for run, found in tags.items()
    }
    return {run: start.group_name for run, start in starts.items()}


def test_published_values_have_runs_and_groups_of_their_own(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf, trained: None, tmp_path: Path
) -> None:
    publish(collect(table, small, store, rows=["joint"]), store)
    here = RunStore(tmp_path / "here", results=store.results)
    k400, ssv2 = "Joint, Small · Top-1 - K-400", "Joint, Small · Top-1 - SSv2"
    runs = read(build_view(collect(table, small, here, rows=["joint"]), here))
    assert groups(runs) == {f"{k400} · published": "joint · published", f"{ssv2} · published": "joint · published"}
    assert value(runs, f"{k400} · published", "table/k400") == 60.0
    assert value(runs, f"{k400} · published", "table/delta") == 10.0
    with here.run(run_of(small, "joint.k400").train_id).claim():
        view = build_view(collect(table, small, here, rows=["joint"]), here)
    runs = read(view)
    assert groups(runs) == {k400: "joint", f"{ssv2} · published": "joint · published"}
    assert "table/k400" not in runs.Runs()[k400]["tensors"]
    end = runs.PluginRunToTagToContent(metadata.PLUGIN_NAME)[k400][metadata.SESSION_END_INFO_TAG]
    status = metadata.parse_session_end_info_plugin_data(end).status
    assert status == api_pb2.Status.Value("STATUS_RUNNING")  # type: ignore[attr-defined]


def test_a_published_measurement_is_a_run_of_its_own_beside_own_tests(
    table_of: TableOf, small: Scale, store: RunStore, finish: Finish, keep_measurement: Callable[..., Path]
) -> None:
    both = table_of(
        Column(key="top1", header="Top-1", metric=TOP1, base=K400),
        Column(key="speed", header="Videos/s", metric=Measured("videos_per_second", "throughput"), base=K400),
    )
    file = keep_measurement(K400, "throughput", videos_per_second=3)
    publish(collect(both, small, store), store)
    file.unlink()
    finish(both.run_of("ours.top1", small, (), 0), 60.0)
    runs = read(build_view(collect(both, small, store), store))
    own, published = "Ours, Small (Att_T) · Top-1", "Ours, Small (Att_T) · published"
    assert groups(runs) == {own: "ours", published: "ours · published"}
    assert value(runs, published, "table/speed") == 3 and "table/speed" not in runs.Runs()[own]["tensors"]
