"""Runs on one's own videos: their data, ids, start and errors."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from data.datasets.own_videos import VideoFolder
from data.errors import DataError
from data.fingerprint import fingerprint_in
from experiments.motionformer.base import EPIC100, SSV2
from experiments.spec.catalog import find, load
from experiments.spec.edits import all_overridden, override
from experiments.spec.names import FINE_TUNE, OWN_DATA
from experiments.spec.run import Parent, RunConfig
from experiments.spec.scales import PAPER, SMALL, TINY
from models.imagenet import ImageNet
from reproduce.command import main, parsed
from reproduce.options import Evaluate
from runner.jobs.launch import Launcher
from runner.machine.resources import Resources
from runner.store.data_record import check_data_record, renamed_text, save_data_record
from runner.store.jobs import Job, jobs_of
from runner.store.store import RunStore
from tests.runner.stored_metrics import write_result


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    for name in ("cats/a.mp4", "cats/b.mp4", "dogs/a.mp4", "dogs/b.mp4"):
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / name).touch()
    return tmp_path / "pets"


def test_a_folder_replaces_the_data_set_and_nothing_else(pets: Path, small_run: RunConfig) -> None:
    run = all_overridden(small_run, [f"{OWN_DATA}{pets}"])
    assert run == replace(small_run, data=replace(small_run.data, dataset=VideoFolder.Config.of(pets)))  # type: ignore[type-var]
    assert run.data.targets.classes == {"class": 2}
    assert Resources().root(run.data) == pets
    assert run.build().model(*run.data.size.example(1)).shape == (1, 2)


def test_ids_do_not_depend_on_the_place_of_the_folder(pets: Path, small_run: RunConfig, tmp_path: Path) -> None:
    before = all_overridden(small_run, [f"{OWN_DATA}{pets}"]).train_id
    (tmp_path / "elsewhere").mkdir()
    moved = pets.rename(tmp_path / "elsewhere" / "pets")
    assert all_overridden(small_run, [f"{OWN_DATA}{moved}"]).train_id == before != small_run.train_id
    (moved / "cats").rename(moved / "birds")
    assert all_overridden(small_run, [f"{OWN_DATA}{moved}"]).train_id != before


def test_fine_tuning_starts_from_the_weights_of_the_row(pets: Path, small_run: RunConfig) -> None:
    for texts in ([FINE_TUNE, f"{OWN_DATA}{pets}"], [f"{OWN_DATA}{pets}", FINE_TUNE]):
        run = all_overridden(small_run, [*texts, "optim.epochs=2"])
        assert run.parents == (Parent(run=small_run),)


def test_fine_tuning_reads_no_initial_weights(pets: Path) -> None:
    run = load("motionformer/table6b").run_of("mformer.top1", PAPER, [FINE_TUNE, f"{OWN_DATA}{pets}"], 0)
    assert run.model.initial_weights == () and run.parents[0].run.model.initial_weights
    assert isinstance(run.parents[0].run.model.initial_weights[0], ImageNet.Config)


@pytest.mark.parametrize(
    "cell",
    [
        "motionformer/table4:joint.k400",
        "cast/table11:cast.top1",
        "cast/table11:videomae.top1",
        "msca/table2:kv.top1",
        "xvit/zoo:k600.top1",
    ],
)
def test_the_models_of_all_papers_are_fine_tuned_with_a_new_classifier(cell: str, pets: Path) -> None:
    table, _, cell = cell.partition(":")
    run = load(table).run_of(cell, TINY, [FINE_TUNE, f"{OWN_DATA}{pets}"], 0)
    parent = run.parents[0].run
    torch.manual_seed(0)
    tensors = parent.model.build(parent.data.size, parent.data.targets).state_dict()
    model = run.model.build(run.data.size, run.data.targets)
    new = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    run.model.copy_from(model, tensors)
    state = model.state_dict()
    differ = {name for name, tensor in tensors.items() if name not in state or not state[name].equal(tensor)}
    assert differ and all("head" in name for name in differ), differ
    assert all(state[name].equal(new[name]) for name in differ & new.keys())
    assert model.eval()(*run.data.size.example(1)).shape == (1, 2)


@pytest.mark.parametrize(
    ("cell", "width", "crop"),
    [
        ("motionformer/table6b:mformer.top1", 384, 128),
        ("msca/table2:kv.top1", 768, 112),
        ("xvit/zoo:ssv2.top1", 384, 128),
    ],
)
def test_rows_are_trained_on_ones_own_videos_at_the_scale_small(cell: str, width: int, crop: int, pets: Path) -> None:
    table, _, cell = cell.partition(":")
    run, small = (load(table).run_of(cell, SMALL, texts, 0) for texts in ([f"{OWN_DATA}{pets}"], []))
    assert run == replace(small, parents=(), data=replace(small.data, dataset=VideoFolder.Config.of(pets)))  # type: ignore[type-var]
    inputs = run.data.size.example(1)[0]  # (1, T, 3, H, W)
    assert inputs.shape[-2:] == (crop, crop)
    model = run.model.on_meta(run.data.size, run.data.targets)
    assert model(inputs.to("meta")).shape[-1] == 2 and run.model.width == width  # type: ignore[attr-defined]


def test_accuracies_on_ones_own_videos_stand_beside_no_printed_ones(
    pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["report", "msca/table1:kv-2", "--json", "--scale", "paper", "--runs", str(tmp_path / "runs")]
    printed = []
    for own in ([], ["--own", str(pets)]):
        assert main([*words, *own]) == 0
        cells = json.loads(capsys.readouterr().out)["cells"]
        printed.append([cell["printed"] for cell in cells if cell["column"].startswith("top")])
    assert printed == [[76.47, 92.88], [None, None]]


def test_unreadable_validation_videos_are_named_before_the_training(
    pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, validated = tmp_path / "runs", VideoFolder.Config.of(pets).build(pets, "val").records
    words = ["--own", str(pets), "-o", "optim.batch_size=1", "--runs", str(runs), "--workers", "0"]
    assert main(["run", "motionformer/table6b:mformer", *words]) == 3
    assert capsys.readouterr().err.splitlines()[-1] == (
        "reproduce: 2 of 2 validation videos cannot be read; the limit is 0: repair them, or raise the limit with "
        f"--allow-bad N: {'; '.join(f'{record.path} (the file is empty)' for record in validated)}"
    )
    assert not list(runs.glob("*/log.txt"))


def test_changed_videos_of_ones_own_are_to_be_restored(pets: Path, small_run: RunConfig, store: RunStore) -> None:
    run = all_overridden(small_run, [f"{OWN_DATA}{pets}"])
    before = fingerprint_in(run.data, pets)
    save_data_record(run, store, before, pets, ("cats", "dogs"))
    (pets / "cats/c.mp4").touch()
    with pytest.raises(DataError, match=rf"restore {pets}, or another directory with --runs DIR"):
        check_data_record(store.run(run.train_id), fingerprint_in(run.data, pets), pets, run.data.dataset, goes_on=True)


def test_a_renamed_folder_is_recognised_by_its_videos(pets: Path, small_run: RunConfig, store: RunStore) -> None:
    run = all_overridden(small_run, [f"{OWN_DATA}{pets}"])
    save_data_record(run, store, fingerprint_in(run.data, pets), pets, ("cats", "dogs"))
    renamed = pets.rename(pets.with_name("animals"))
    data = all_overridden(small_run, [f"{OWN_DATA}{renamed}"]).data
    text = renamed_text(data, store)
    assert text.startswith(f"{renamed}: these are the videos of {pets}, on which {run.train_id} was trained")
    assert text.endswith("call it pets to go on with that one")
    (renamed / "cats/c.mp4").touch()
    assert not renamed_text(data, store)
    (renamed / "cats/c.mp4").unlink()
    pets.mkdir()  # a copy
    assert not renamed_text(data, store)


def test_rows_with_several_labels_refuse_a_folder_and_rows_without_training_fine_tuning(pets: Path) -> None:
    with pytest.raises(ValueError, match="this row predicts a verb and a noun a video"):
        override(f"{OWN_DATA}{pets}", EPIC100)
    with pytest.raises(ValueError, match="--fine-tune: the run is only tested, not trained"):
        all_overridden(replace(SSV2, optim=None), [FINE_TUNE])


def carry_out(launcher: Launcher, jobs: list[Job]) -> None:
    for job in jobs:
        job.outcome = "done"


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_fine_tuning_without_weights_is_an_error_with_a_remedy(
    verb: str, pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row, place = "motionformer/table6b:mformer", ["--seeds", "1", "--runs", str(tmp_path / "runs")]
    more = ["--fine-tune", "--eval-only", *(["--name", "pets"] if verb == "run" else [])]
    assert main([verb, row, "--own", str(pets), *more, *place]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"reproduce: --fine-tune: {row} has no weights to start from: import released ones")
    assert line.endswith(f"or train it first with `reproduce run {row} {' '.join(place)}`")
    tuned = next(job for job in jobs_of(find([row]), TINY, (f"{OWN_DATA}{pets}", FINE_TUNE), (1,)) if job.cells)
    write_result(RunStore(tmp_path / "runs"), tuned.run, top1=50.0)  # for instance imported
    monkeypatch.setattr(Launcher, "carry_out", carry_out)  # in place of a training of the row itself
    assert main([verb, row, "--own", str(pets), "--fine-tune", *place]) == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run", "--own", "nowhere"], 3, "nowhere does not exist; name the folder of your videos"),
        (["evaluate"], 2, "evaluate: name videos or folders of videos, or a list"),
        (["evaluate", "a.mp4", "--list", "x.csv"], 2, "evaluate: a.mp4 is beside --list x.csv; name one of them"),
        (["evaluate", "--untrained", "nowhere.mp4"], 3, "nowhere.mp4: there is no such video or folder"),
    ],
)
def test_bad_arguments_are_named_in_one_line(
    words: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verb, *rest = words
    assert main([verb, "motionformer/table6b:mformer", "--scale", "tiny", "--runs", str(tmp_path), *rest]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_videos_may_stand_behind_options(capsys: pytest.CaptureFixture[str]) -> None:
    options = parsed(["evaluate", "a/b:c", "x.mp4", "--untrained", "y.mp4"])
    assert isinstance(options, Evaluate) and options.videos == (Path("x.mp4"), Path("y.mp4"))
    with pytest.raises(SystemExit):
        parsed(["evaluate", "a/b:c", "x.mp4", "--nonsense"])
    with pytest.raises(SystemExit):
        parsed(["run", "a/b:c", "--jobs", "1", "more"])
    assert "unrecognized arguments: --nonsense" in capsys.readouterr().err
