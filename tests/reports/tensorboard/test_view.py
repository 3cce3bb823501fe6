import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import api_pb2, metadata
from torch.utils.tensorboard import SummaryWriter

from experiments.motionformer.base import K400
from experiments.spec.catalog import load
from experiments.spec.metrics import TOP1
from experiments.spec.scales import PAPER, TINY
from experiments.spec.table import Column
from reports.collect import collect
from reports.publication import publish
from reports.tensorboard.view import CONFIG, OWN_FILE, PICTURE, REPORT, build_view
from runner.store.store import RunStore
from tests.reports.conftest import Trial

JOINT = "2 Joint, Small · Top-1 ∕ K-400"


@pytest.fixture
def trained(trial: Trial) -> None:
    for name, top1 in (("joint.k400", 60.0), ("joint.ssv2", 50.0), ("ours.k400", 61.0)):
        trial.finish(name, top1)
        with SummaryWriter(str(trial.store.run(trial.run(name).train_id).tensorboard)) as writer:
            writer.add_scalar("train/loss", top1 / 10, 7)


def read(view: Path) -> EventMultiplexer:
    """Contents of the view, read by TensorBoard."""
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(view))
    multiplexer.Reload()
    return multiplexer


def line(multiplexer: EventMultiplexer, run: str) -> dict[str, str | float]:
    """Values of a run in HPARAMS, by the displayed name of their column."""
    tags = multiplexer.PluginRunToTagToContent(metadata.PLUGIN_NAME)[run]
    start = metadata.parse_session_start_info_plugin_data(tags[metadata.SESSION_START_INFO_TAG])
    experiment = metadata.parse_experiment_plugin_data(tags[metadata.EXPERIMENT_TAG])
    headers = {info.name: info.display_name for info in experiment.hparam_infos}
    values = {headers[name]: getattr(field, field.WhichOneof("kind")) for name, field in start.hparams.items()}
    return dict(sorted(values.items(), key=lambda item: list(headers.values()).index(item[0])))


def trained_runs(multiplexer: EventMultiplexer) -> list[str]:
    """Runs of rows, without those of the tables themselves."""
    return sorted(run for run in multiplexer.Runs() if not run.rpartition("/")[2].startswith(REPORT))


def test_a_run_shows_its_curves_and_no_other_scalar_its_config_and_the_rendered_table(
    trial: Trial, trained: None
) -> None:
    runs = read(build_view([trial.report()], trial.store))
    config, rendered = text(runs, JOINT, CONFIG), text(runs, REPORT, REPORT)
    assert config.startswith("```json\n{") and '"batch_size": 8' in config
    assert "60.0 (79.2)" in rendered and "](" not in rendered
    assert runs.Scalars(JOINT, "train/loss")[0].step == 7
    for found in runs.Runs().values():
        assert set(found["scalars"]) <= {"train/loss"}
    assert not any(runs.PluginRunToTagToContent("scalars").values())  # scalars as tensors


def test_hparams_have_our_values_beside_the_printed_ones_then_the_labels_in_a_line_a_row(
    trial: Trial, trained: None
) -> None:
    runs = read(build_view([trial.report()], trial.store))
    expected = {
        "Top-1 / K-400": 60.0,
        "Top-1 / K-400 (printed)": pytest.approx(79.2),
        "Top-1 / SSv2": 50.0,
        "Top-1 / SSv2 (printed)": 64.0,
        "GFLOPs": pytest.approx(180.64, abs=0.01),
        "GFLOPs (printed)": pytest.approx(180.6),
        "Δ": 10.0,
        "Δ (printed)": pytest.approx(15.2),
        "Attention": "Joint",
        "Kind": "Small",
        "Att_T": "–",
    }
    assert line(runs, JOINT) == expected and list(line(runs, JOINT)) == list(expected)
    assert line(runs, "2 Joint, Small · Top-1 ∕ SSv2") == expected  # both runs are one line
    assert "Top-1 / SSv2" not in line(runs, "4 Ours, Small (Att_T) · Top-1 ∕ K-400")
    tags = runs.PluginRunToTagToContent(metadata.PLUGIN_NAME)
    assert len({tags[run][metadata.EXPERIMENT_TAG] for run in trained_runs(runs)}) == 1
    assert sorted(set(groups(runs).values())) == ["2 joint", "3 short", "4 ours"]  # as TensorBoard sorts them


def test_several_tables_are_one_view_with_the_columns_of_all(trial: Trial, trained: None) -> None:
    top1 = trial.of_columns(Column(key="top1", header="Top-1", metric=TOP1, base=K400))
    other = trial.of(replace(top1.table, name="paper/table2", labels=("Attention", "Depth", "Att_T")))
    other.finish("ours.top1", 55.0)
    reports = [trial.report(), other.report()]
    view = build_view(reports, trial.store)
    assert view.parent == trial.store.root / "views" and view != build_view(reports[:1], trial.store)
    runs = read(view)
    second = "paper/table2/5 Ours, Small (Att_T) · Top-1"
    assert "paper/table1/2 Joint, Small · Top-1 ∕ K-400" in runs.Runs() and second in runs.Runs()
    assert line(runs, second) == {
        "Table": "paper/table2", "Headline": "Top-1", "Headline, ours": 55.0,
        "Top-1": 55.0, "Attention": "Ours", "Att_T": "✓", "Depth": "Small",
    }  # fmt: skip
    # TensorBoard displays the first five columns. They are filled for all tables.
    assert list(line(runs, "paper/table1/2 Joint, Small · Top-1 ∕ K-400").items())[:4] == [
        ("Table", "paper/table1"),
        ("Headline", "Top-1 / K-400"),
        ("Headline, ours", 60.0),
        ("Headline, printed", pytest.approx(79.2)),
    ]
    assert sorted(set(groups(runs).values())) == ["2 joint", "3 short", "4 ours", "5 ours"]
    tags = runs.PluginRunToTagToContent(metadata.PLUGIN_NAME)
    assert len({tags[run][metadata.EXPERIMENT_TAG] for run in trained_runs(runs)}) == 1


def test_runs_are_named_as_in_the_table_and_those_with_curves_come_first(trial: Trial, trained: None) -> None:
    view = build_view([trial.report()], trial.store)
    assert view == trial.store.root / "views" / "paper_table1.tiny"
    runs = read(view)
    order = sorted(runs.Runs(), key=runs.FirstEventTimestamp)
    assert order == [
        "2 Joint, Small · Top-1 ∕ K-400",
        "2 Joint, Small · Top-1 ∕ SSv2",
        "4 Ours, Small (Att_T) · Top-1 ∕ K-400",
        "3 Ours, Small · Top-1 ∕ K-400",
        "3 Ours, Small · Top-1 ∕ SSv2",
        "4 Ours, Small (Att_T) · Top-1 ∕ SSv2",
        REPORT,
    ]


def test_several_seeds_are_runs_of_one_line_with_their_mean(trial: Trial) -> None:
    trial.finish("joint.k400", 60.0, 61.0)
    runs = read(build_view([trial.report(seeds=(0, 1))], trial.store))
    found = [run for run in runs.Runs() if run.startswith(JOINT)]
    assert sorted(found) == [f"{JOINT} · seed 0", f"{JOINT} · seed 1"]
    for run in found:
        values = line(runs, run)
        assert (values["Top-1 / K-400"], values["Seeds"]) == (60.5, "0, 1")
        assert values["Top-1 / K-400 (±)"] == pytest.approx(0.5**0.5)


def test_variants_are_lines_of_one_view_that_state_their_overrides(trial: Trial, trained: None) -> None:
    shorter = ("optim.epochs=3", "optim.lr=0.5")
    trial.finish(trial.table.run_of("joint.k400", trial.scale, shorter, 0), 58.0)
    reports = [trial.report(overrides=texts, rows=["joint"]) for texts in ((), shorter)]
    view = build_view(reports, trial.store)
    folders = [view.name, *(build_view([one], trial.store).name for one in reports)]
    assert folders[1:] == ["paper_table1.tiny", "paper_table1.tiny.optim.epochs=3,optim.lr=0.5"]
    assert len({*folders}) == 3
    runs = read(view)
    unchanged, changed = (f"1 Joint, Small · Top-1 ∕ K-400 · {label}" for label in ("unchanged", ", ".join(shorter)))
    assert {unchanged, changed, f"{REPORT} · unchanged"} <= {*runs.Runs()}
    assert groups(runs)[unchanged] == "1 joint · unchanged"
    assert groups(runs)[changed] == "1 joint · optim.epochs=3, optim.lr=0.5"
    first, second = (list(line(runs, run).items())[:3] for run in (unchanged, changed))
    assert first == [("optim.epochs", "35"), ("optim.lr", "0.0001"), ("Top-1 / K-400", 60.0)]
    assert second == [("optim.epochs", "3"), ("optim.lr", "0.5"), ("Top-1 / K-400", 58.0)]
    other = trial.report(overrides=("optim.epochs=2", "optim.lr=0.5"), rows=["joint"])
    runs = read(build_view([reports[1], other], trial.store))
    assert {name.rpartition(" · ")[2] for name in trained_runs(runs)} == {"optim.epochs=2", "optim.epochs=3"}
    found = [*line(runs, "1 Joint, Small · Top-1 ∕ K-400 · optim.epochs=3").items()]
    assert found[:2] == [("optim.epochs", "3"), ("Top-1 / K-400", 58.0)] and ("optim.lr", "0.5") in found[2:]


def test_the_folder_of_long_overrides_ends_in_their_hash(trial: Trial) -> None:
    texts = ["optim.lr=0.123456789", "optim.schedule.factor=0.123456789", "optim.epochs=3", "optim.batch_size=8"]
    reports = [trial.report(overrides=[*texts, f"optim.weight_decay={n}"], rows=["joint"]) for n in (0.1, 0.2)]
    names = {build_view([report], trial.store).name for report in reports}
    assert len(names) == 2 and all(len(name) < 110 for name in names)


def test_a_row_without_training_is_one_run(trial: Trial) -> None:
    rows = tuple(replace(row, paper=row.paper[:1]) for row in trial.table.rows[:3])
    untrained = trial.of(replace(trial.table, columns=trial.table.columns[:1], rows=rows), PAPER)
    runs = read(build_view([untrained.report()], trial.store))
    assert trained_runs(runs) == ["2 Joint, Small", "3 Ours, Small"]


def test_a_run_without_training_has_final_values_but_no_curves(trial: Trial) -> None:
    untrained = trial.of_columns(Column(key="top1", header="Top-1", metric=TOP1, base=replace(K400, optim=None)))
    name = "1 Ours, Small (Att_T) · Top-1"
    for top1, status in ((None, "STATUS_RUNNING"), (55.0, "STATUS_SUCCESS")):
        if top1 is not None:
            untrained.finish("ours.top1", top1)
        view = build_view([untrained.report()], trial.store)
        runs = read(view)
        assert trained_runs(runs) == [name] and os.listdir(view / name) == [OWN_FILE]
        assert status_of(runs, name) == status
    assert runs.Runs()[name]["scalars"] == []
    assert line(runs, name)["Top-1"] == 55.0


def test_rebuilding_removes_obsolete_files_and_links_new_ones(trial: Trial, trained: None) -> None:
    report = trial.report()
    view = build_view([report], trial.store)
    (view / "obsolete row").mkdir()
    [events] = trial.store.run(trial.run("joint.k400").train_id).tensorboard.iterdir()
    events.rename(events.with_name(events.name + ".1"))  # like a resumed run, which adds a file with another name
    build_view([report], trial.store)
    assert not (view / "obsolete row").exists()
    assert sorted(os.listdir(view / JOINT)) == sorted([OWN_FILE, events.name + ".1"])
    assert sorted(os.listdir(view.parent)) == [view.name]


def test_attention_maps_are_logged_as_images_of_their_rows(store: RunStore, keep_maps: Callable[..., Path]) -> None:
    keep_maps("k400", TINY)
    keep_maps("ssv2", TINY).unlink()
    report = collect(load("motionformer/figure4"), TINY, store)
    runs = read(build_view([report], store))
    name = "1 K-400 · Top-1 of the model"
    [event] = runs.Images(name, PICTURE)
    with Image.open(io.BytesIO(event.encoded_image_string)) as image:
        assert image.size == (event.width, event.height)
    assert [run for run, tags in runs.Runs().items() if PICTURE in tags["images"]] == [name]
    assert event.wall_time > 1e9  # not of 1970


def test_several_tests_of_a_run_are_one_run_named_by_their_common_header_levels(empty3: Trial) -> None:
    for column, top1 in (("k400-1", 60.0), ("k400-2", 70.0), ("ssv2-100", 80.0)):
        empty3.finish(f"joint.{column}", top1)
    view = build_view([empty3.report(rows=["joint"])], empty3.store)
    names = ["1 Joint Space-Time · K-400, temporal stride", "1 Joint Space-Time · SSv2, temporal stride"]
    assert trained_runs(read(view)) == names


def groups(runs: EventMultiplexer) -> dict[str, str]:
    """Session group of each run."""
    tags = {run: runs.PluginRunToTagToContent(metadata.PLUGIN_NAME)[run] for run in trained_runs(runs)}
    starts = {run: found[metadata.SESSION_START_INFO_TAG] for run, found in tags.items()}
    return {run: metadata.parse_session_start_info_plugin_data(start).group_name for run, start in starts.items()}


def status_of(runs: EventMultiplexer, run: str) -> str:
    end = runs.PluginRunToTagToContent(metadata.PLUGIN_NAME)[run][metadata.SESSION_END_INFO_TAG]
    return api_pb2.Status.Name(metadata.parse_session_end_info_plugin_data(end).status)  # type: ignore[attr-defined]


def test_published_values_are_marked(trial: Trial, trained: None, tmp_path: Path) -> None:
    publish(trial.report(rows=["joint"]), trial.store)
    here = trial.elsewhere(tmp_path / "here")
    ssv2 = "1 Joint, Small · Top-1 ∕ SSv2 · published"
    k400 = "1 Joint, Small · Top-1 ∕ K-400 · published"
    runs = read(build_view([here.report(rows=["joint"])], here.store))
    assert groups(runs) == {k400: "1 joint", ssv2: "1 joint"}
    found = line(runs, ssv2)
    assert (found["Top-1 / K-400"], found["Top-1 / SSv2"], found["Δ"]) == (60.0, 50.0, 10.0)
    assert found["Published results"] == "Top-1 / K-400, Top-1 / SSv2, Δ"
    [point] = runs.Scalars(k400, "train/loss")
    assert (point.step, point.value) == (7, 6.0)
    with here.store.run(trial.run("ours.k400").train_id).claim():
        view = build_view([here.report(rows=["ours"])], here.store)
    runs = read(view)
    [running] = [name for name in groups(runs) if "K-400" in name]
    assert status_of(runs, running) == "STATUS_RUNNING"


def text(multiplexer: EventMultiplexer, run: str, tag: str) -> str:
    [event] = multiplexer.Tensors(run, f"{tag}/text_summary")
    return event.tensor_proto.string_val[0].decode()


def test_the_pictures_of_a_test_are_drawn_again_only_for_newer_scores(
    trial: Trial, trained: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trial.run("joint.k400")
    scores = trial.store.run(run.train_id).scores(run.eval_id)
    scores.parent.mkdir()
    with scores.open("wb") as file:
        np.savez(file, views=np.zeros(1))
    os.utime(scores, (1e9, 1e9))
    drawn = []

    def draw(*arguments: object, **options: object) -> dict[str, Figure]:
        drawn.append(arguments)
        return {"test clips": Figure()}

    monkeypatch.setattr("reports.figures.answers.pictures_of_test", draw)
    build_view([trial.report()], trial.store)
    runs = read(build_view([trial.report()], trial.store))
    [event] = runs.Images(JOINT, "views/test clips")
    assert event.encoded_image_string.startswith(b"\x89PNG") and len(drawn) == 1
    os.utime(scores, (4e9, 4e9))
    build_view([trial.report()], trial.store)
    assert len(drawn) == 2
