"""`--released`: rows are tested with files from a server on this machine, and reported with their mark."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import experiments.motionformer.released
from data.stand_ins.drawing.davis import DavisDrawing
from data.stand_ins.drawing.ensure import ensure
from data.stand_ins.drawing.kinetics import KineticsDrawing
from data.stand_ins.of_videos import DavisStandIn, KineticsStandIn
from experiments.motionformer.released import RELEASED
from experiments.spec.catalog import find, released_weights
from experiments.spec.scales import PAPER
from runner.machine.messages import bytes_text
from runner.store.jobs import jobs_of
from runner.weights.released import needed_releases, releases_of
from tests.conftest import Outcome, Reproduce
from tests.experiments.motionformer.test_released import authors_tensors
from tests.runner.weights.server import Server, serving

JOINT, TRAJECTORY = "motionformer/table4:joint", "motionformer/table6b:mformer"
DAVIS = "motionformer/table9:ours"
PERFORMER = "motionformer/table3a:performer"  # without a released file
COLUMNS = {JOINT: "k400", TRAJECTORY: "top1", PERFORMER: "k400"}
FILE, OTHER = "k400_joint_224_16x4.pyth", "k400_motionformer_224_16x4.pyth"
SMALL = ("model.width=48", "model.depth=2", "model.heads=4", "evaluation.views=1", "evaluation.crops=1")


def content(name: str, width: int = 48, depth: int = 2) -> bytes:
    file = io.BytesIO()
    torch.save({"model_state": authors_tensors(Path(name).stem, width=width, depth=depth), "cfg": ""}, file)
    return file.getvalue()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Server in place of the authors' own, of the file of joint attention alone."""
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path / "weights"))
    with serving({FILE: content(FILE)}) as running:
        moved = replace(RELEASED, location=running.address)
        monkeypatch.setattr(experiments.motionformer.released, "RELEASED", moved)
        yield running


@pytest.fixture
def command(tmp_path: Path, server: Server, jobs_in_this_process: None, reproduce: Reproduce) -> Reproduce:
    root = ensure(KineticsDrawing(KineticsStandIn(num_train=20, num_val=10)), tmp_path / "videos", progress=False)
    options = [word for override in SMALL for word in ("-o", override)]
    options += ["--scale", "paper", "--runs", str(tmp_path / "runs")]

    def run(verb: str, *words: str) -> Outcome:
        of_runs = ["--released", "--data", f"kinetics400={root}"]
        of_runs += ["--column", ",".join(dict.fromkeys(COLUMNS[word] for word in words if word in COLUMNS))]
        return reproduce(verb, *words, *options, *(of_runs if verb != "report" else []))

    return run


def test_rows_are_fetched_imported_tested_and_reported_and_others_are_named(
    command: Reproduce, server: Server, tmp_path: Path
) -> None:
    plan = command("plan", JOINT, TRAJECTORY, PERFORMER)
    assert f"left out, without a released file: {PERFORMER}" in plan.err
    size = bytes_text(len(server.files[FILE]))
    joint, trajectory = (f"{name}: fetched by the run from {server.address}/{name}" for name in (FILE, OTHER))
    assert f"{joint}, {size}" in plan.out and f"{trajectory}, about 853.1 kB by its parameters" in plan.out

    ran = command("run", JOINT, TRAJECTORY, PERFORMER)
    assert ran.code == 1 and "1 of 2 runs done" in ran.out
    assert f"left out, without a released file: {PERFORMER}" in ran.err
    assert f"{TRAJECTORY}.top1 failed: {server.address}/{OTHER} answers 404 Not Found" in ran.err
    assert (tmp_path / "weights" / "k400_joint_224_16x4.pyth.sha256").exists()

    server.files[OTHER] = content(OTHER)
    assert "2 of 2 runs done, 1 of them before this call." in command("run", JOINT, TRAJECTORY).out
    assert "released weights, tested here" in command("report", JOINT).out
    assert not list(tmp_path.glob("runs/*/checkpoints/weights.safetensors"))


def test_no_file_is_fetched_for_a_row_that_is_tested(command: Reproduce, server: Server, tmp_path: Path) -> None:
    assert command("run", JOINT).code == 0
    for path in [*tmp_path.glob("runs/*/checkpoints/*"), *(tmp_path / "weights").iterdir()]:
        path.unlink()
    asked = len(server.ranges)
    plan, again = command("plan", JOINT), command("run", JOINT)
    assert plan.code == 0 and FILE not in plan.out
    assert "1 of 1 runs done, 1 of them before this call." in again.out and len(server.ranges) == asked
    assert not list(tmp_path.glob("weights/*"))


def test_a_file_in_the_working_directory_is_taken(command: Reproduce, server: Server) -> None:
    Path(OTHER).write_bytes(content(OTHER))
    assert f"{OTHER}: in {OTHER}, imported by the run" in command("plan", TRAJECTORY).out
    assert f"{TRAJECTORY}: released weights {OTHER}" in command("run", TRAJECTORY).out and server.ranges == []
    assert command("run", TRAJECTORY, "--file", OTHER).code == 0  # named again: its import stays as it is


def test_a_file_fetched_by_hand_is_taken_for_one_row(command: Reproduce) -> None:
    Path("mine.pyth").write_bytes(content(OTHER))
    refused = command("run", JOINT, TRAJECTORY, "--file", "mine.pyth")
    assert refused.code == 2 and "--file: name the one row that it belongs to; these rows need k400" in refused.err
    assert f"{TRAJECTORY}: released weights mine.pyth" in command("run", TRAJECTORY, "--file", "mine.pyth").out


@pytest.mark.parametrize(
    ("row", "count"),
    [("cast/table9:cast", 1), ("xvit/zoo:ssv2", 1), ("msca/table2:vit", 1), ("motionformer/table9:ours", 1),
     ("motionformer/table9:kept", 0), ("motionformer/table2a:joint-square", 0)],
)  # fmt: skip
def test_a_row_needs_its_own_file_or_that_of_its_parent(row: str, count: int) -> None:
    found = jobs_of(find([row]), PAPER, [], (0,))
    releases = releases_of(found, [])
    (job, *_) = [job for job in found if job.cells]
    assert len(needed_releases(job.run, releases)) == count


@pytest.mark.parametrize("paper", ["motionformer", "xvit", "cast", "msca"])
def test_every_released_file_belongs_to_a_run(paper: str) -> None:
    listed = released_weights(paper)
    assert listed is not None
    releases = releases_of(jobs_of(find([listed.files[0].row]), PAPER, [], (0,)), [])
    assert [release.entry for release in releases.values()] == list(listed.files)
    assert all(release.url.startswith("https://") for release in releases.values())


def with_official_lists(root: Path) -> Path:
    """Stand-in with official lists in place of its own: their 400 classes are those of its videos and others."""
    videos = [(path.parent.name, *path.stem.rsplit("_", 2)) for path in root.glob("val/*/*.mp4")]
    names = {name for name, *_ in videos}
    names |= {f"class {number:03}" for number in range(400 - len(names))}
    for split, lines in (("val", videos), ("train", [(name, f"of {name}", 0, 10) for name in names])):
        rows = [("label", "youtube_id", "time_start", "time_end"), *lines]
        (root / f"{split}.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return root


@pytest.mark.slow
def test_a_vit_b_is_tested_on_videos_of_kinetics_own_layout(
    server: Server, tmp_path: Path, reproduce: Reproduce, jobs_in_this_process: None
) -> None:
    server.files[FILE] = content(FILE, width=768, depth=12)
    two_videos = KineticsDrawing(KineticsStandIn(num_train=1, num_val=2))
    root = with_official_lists(ensure(two_videos, tmp_path / "videos", progress=False))
    words = [JOINT, "--scale", "paper", "-o", "evaluation.views=1", "-o", "evaluation.crops=1"]
    ran = reproduce("run", *words, "--released", "--column", "k400", "--data", f"kinetics400={root}")
    assert ran.code == 0, ran.err
    shown = reproduce("report", *words).out
    assert "released weights, tested here" in shown and "2 / 0 / 0 of 19906 official" in shown


@pytest.mark.slow
def test_masks_are_propagated_with_the_released_weights_of_the_parent(
    server: Server, tmp_path: Path, reproduce: Reproduce, jobs_in_this_process: None
) -> None:
    server.files[OTHER] = content(OTHER, width=768, depth=12)
    davis = DavisDrawing(DavisStandIn(num_val=2, frames=3, height=64, width=96))
    root = ensure(davis, tmp_path / "davis", progress=False)
    for path in [*root.rglob("shapes-00")]:
        path.rename(path.with_name("dogs-jump"))  # the sequence that the figure shows
    for listed in root.rglob("*.txt"):
        listed.write_text(listed.read_text().replace("shapes-00", "dogs-jump"))
    words = [DAVIS, "--scale", "paper", "-o", "data.short_side=64"]
    ran = reproduce("run", *words, "--released", "--data", f"davis2017={root}")
    assert ran.code == 0, ran.err
    shown = reproduce("report", *words).out
    assert OTHER in shown and "2 / 0 / 0 of 30 official" in shown
    assert len(server.ranges) == 1
