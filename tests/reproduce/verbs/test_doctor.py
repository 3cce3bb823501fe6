"""`reproduce doctor`: findings on what a table needs, exit codes, and JSON."""

import json
import os
import sys
from pathlib import Path

import pytest
import torch

from data.errors import Finding
from data.inspection.decoding import CompleteItems
from experiments.spec.catalog import find
from experiments.spec.scales import PAPER
from reproduce.command import main
from reproduce.verbs import doctor as doctor_verb
from reproduce.verbs.doctor import machine_findings
from runner.machine.files import write_atomically
from runner.store.jobs import jobs_of
from runner.store.store import RunStore
from tests.data.numbered_videos import write_video
from tests.runner.stored_metrics import write_result

ROW = "motionformer/table4:joint"
FEW = ("-o", "optim.batch_size=2", "-o", "data.dataset.num_classes=2", "--workers", "0")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Kinetics with two training videos and one test video of two classes, and initial weights."""
    monkeypatch.delenv("VIDEO_ROOT", raising=False)
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path / "stand-ins"))
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", no_network)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    write_atomically(tmp_path / "vit_base_patch16_224.orig_in21k_ft_in1k.safetensors", "")
    root = tmp_path / "kinetics400"
    for name in ("train/a/0", "train/b/1", "val/a/2"):
        write_video(root / f"{name}.mp4", 4)
    (root / "train.csv").write_text("train/a/0.mp4 0\ntrain/b/1.mp4 1\n")
    (root / "val.csv").write_text("val/a/2.mp4 0\n")
    return root


def no_network(*_: object, **__: object) -> None:
    raise ConnectionError("no network")


def doctor(root: Path, *more: str) -> list[str]:
    place = ["--runs", str(root.parent / "runs"), "--data", f"kinetics400={root}"]
    return ["doctor", ROW, "--column", "k400", "--scale", "paper", *place, *FEW, *more]


def findings(words: list[str], capsys: pytest.CaptureFixture[str], severity: str = "") -> tuple[int, list[dict]]:
    code = main([*words, "--json"])
    found = json.loads(capsys.readouterr().out)
    return code, [finding for finding in found if finding["severity"] == severity or not severity]


def test_a_table_that_could_run_has_no_errors(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = findings(doctor(root), capsys)
    assert code == 0 and not [finding for finding in found if finding["severity"] == "error"]
    texts = [finding["what"] for finding in found if finding["subject"] == "kinetics400"]
    assert "2 train videos decoded" in texts and "1 test video decoded" in texts
    assert any(finding["what"].startswith("initial weights in") for finding in found)
    below = next(text for text in texts if "short sides" in text)
    assert below == "train: short sides 48; 2 of 2 are below the 224 of the test"
    assert main(doctor(root)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  -> they are enlarged; get videos with a short side of 224 or more" in "\n".join(lines)
    assert lines[-1].startswith("0 errors, ")


def test_findings_are_wrapped_below_their_text_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Finding("error", "ssv2", "the annotations of the train split are not there", "get them, or use --data")]
    assert max(map(len, doctor_verb.text(found).splitlines())) > 50
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    assert doctor_verb.text(found).splitlines()[:4] == [
        "error    ssv2  the annotations of the",
        "               train split are not there",
        "               -> get them, or use",
        "                  --data",
    ]


def test_every_error_that_stops_the_table_is_named_with_its_remedy(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "train/b/1.mp4").unlink()
    (root / "val/a/2.mp4").write_bytes(b"damaged")
    (root.parent / "vit_base_patch16_224.orig_in21k_ft_in1k.safetensors").unlink()
    code, errors = findings(doctor(root), capsys, "error")
    assert code == 3
    weights, missing, undecodable = errors
    assert weights["subject"] == "weights" and "save it as" in weights["remedy"]
    assert missing["what"].startswith("1 of 2 train videos are missing") and "--allow-bad 1" in missing["remedy"]
    listed = root.parent / "runs/decoded/kinetics400.txt"
    assert "1 of 1 test video cannot be decoded" in undecodable["what"] and str(listed) in undecodable["remedy"]
    assert str(root / "val/a/2.mp4") in listed.read_text()
    code, errors = findings(doctor(root, "--allow-bad", "1"), capsys, "error")
    assert code == 3 and [error["subject"] for error in errors] == ["weights"]


def test_runs_that_are_impossible_with_any_data_are_errors(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, errors = findings(doctor(root, "--devices", "3"), capsys, "error")
    assert code == 3 and "cannot be split over 3 devices" in errors[0]["what"]
    code, errors = findings(doctor(root, "-o", "optim.batch_size=4"), capsys, "error")
    assert code == 3 and "2 training videos are fewer than one batch of 4" in errors[0]["what"]


def test_data_that_are_not_named_are_an_error_of_a_table(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["doctor", ROW, "--scale", "paper", "--runs", str(root.parent / "runs")]
    code, errors = findings(words, capsys, "error")
    assert code == 3
    assert [error["what"].partition(" folder")[0] for error in errors] == [
        "where is kinetics400? name its",
        "where is ssv2? name its",
    ]


@pytest.mark.parametrize(
    ("split", "line", "message"),
    [
        ("val", "( ( [MAX 2 ) 9\t9", r"basic_val.tsv:3: the expression does not parse"),
        ("test", "( ( ( [MAX 2 ) X ) ] )\t2", r"basic_test.tsv:3: 'X' is no token"),
    ],
)
def test_a_validation_split_of_its_own_and_items_of_one_file_are_read(
    split: str, line: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = {name: ["Source\tTarget", "7\t7"] for name in ("train", "val", "test")}
    lines[split].append(line)
    for name, text in lines.items():
        (tmp_path / f"basic_{name}.tsv").write_text("\n".join(text) + "\n")
    words = ["doctor", "motionformer/table5:exact", "--column", "listops", "--scale", "paper", "--workers", "0"]
    words += ["-o", "data.dataset.stand_in=None", "-o", "optim.batch_size=1", "-o", "data.dataset.test_batch=None"]
    words += ["--runs", str(tmp_path / "runs"), "--data", f"listops={tmp_path}"]
    code, found = findings(words, capsys)
    (error,) = [finding["what"] for finding in found if finding["severity"] == "error"]
    assert code == 3 and message in error
    assert not any("in the training and in the test split" in finding["what"] for finding in found)


def test_a_missing_folder_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = f"kinetics400={tmp_path / 'none'}"
    words = ["doctor", ROW, "--column", "k400", "--scale", "paper", "--runs", str(tmp_path / "runs"), "--data", data]
    code, errors = findings(words, capsys, "error")
    texts = [error["what"] for error in errors if error["subject"] == "kinetics400"]
    assert code == 3 and texts == [f"the data root {tmp_path / 'none'} does not exist"]


def test_a_test_alone_needs_weights_and_the_test_split(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "train.csv").unlink()
    code, errors = findings(doctor(root, "--eval-only"), capsys, "error")
    assert code == 3 and [error["what"] for error in errors] == [f"{ROW}.k400 has no weights to test"]
    overrides = [text for text in FEW if "=" in text]
    job = next(job for job in jobs_of(find([ROW]), PAPER, overrides, (0,)) if job.cell == "joint.k400")
    write_atomically(job.directory(RunStore(root.parent / "runs")).weights, "")
    code, errors = findings(doctor(root), capsys, "error")
    assert (code, errors) == (0, [])


def test_finished_runs_need_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = RunStore(root.parent / "runs")
    for job in jobs_of(find([ROW]), PAPER, [], (0,)):
        write_result(store, job.run)
    code, found = findings(["doctor", ROW, "--scale", "paper", "--runs", str(store.root)], capsys)
    assert code == 0 and any(finding["what"] == "3 of 3 are done" for finding in found)


def test_stand_ins_are_not_generated(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = findings(["doctor", ROW, "--runs", str(root.parent / "runs")], capsys)
    assert code == 0
    assert sum("the stand-in will be generated by the first run, about" in finding["what"] for finding in found) == 2
    assert not (root.parent / "stand-ins").exists()


def test_without_a_table_the_data_sets_that_are_named_or_found_are_checked(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["doctor", "--workers", "0", "--runs", str(root.parent / "runs")]
    code, found = findings(words, capsys)
    assert code == 0 and found[-1]["what"] == "no data set is named or found"
    (root / "classes.txt").write_text("\n".join(f"class {number:03d}" for number in range(400)))
    monkeypatch.setenv("VIDEO_ROOT", str(root.parent))
    code, found = findings(words, capsys)
    assert code == 0 and {f["subject"] for f in found if f["what"].endswith("decoded")} == {"kinetics400"}
    assert any("2 train videos listed, officially 246,534" in finding["what"] for finding in found)
    monkeypatch.delenv("VIDEO_ROOT")
    code, found = findings([*words, "--data", f"epic100={root}"], capsys, "error")
    assert code == 3 and {finding["subject"] for finding in found} == {"epic100"}
    assert main([*words, "--data", "ssv3=/data"]) == 2


def test_deep_goes_on_where_it_was(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        write_video(root / f"val/a/{number}.mp4", 1)
    (root / "val.csv").write_text("".join(f"val/a/{number}.mp4 0\n" for number in range(20)))
    words = doctor(root, "--eval-only")
    _, sampled = findings(words, capsys)
    assert any(finding["what"] == "16 test videos decoded" for finding in sampled)
    decoded: list[int] = []
    monkeypatch.setattr(CompleteItems, "__getitem__", lambda items, place: decoded.append(place))
    _, found = findings([*words, "--deep"], capsys)
    assert len(decoded) == 4 and any(finding["what"] == "16 test videos decoded" for finding in found)


# The machine


@pytest.fixture(autouse=True)
def no_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without an NVIDIA driver."""
    monkeypatch.setattr(doctor_verb, "DRIVER", tmp_path / "none")


def of_machine(store: RunStore, *, needs_gpu: bool = False) -> dict[str, Finding]:
    return {finding.subject: finding for finding in machine_findings(store, generates=True, needs_gpu=needs_gpu)}


def test_all_packages_are_as_pinned_here(store: RunStore) -> None:
    assert of_machine(store)["packages"].severity == "ok"


def test_other_and_missing_packages_are_named(store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "requirements.txt").write_text("# ours\nnumpy==0.1  # old\nno-such-one==2\n")
    monkeypatch.setattr(doctor_verb, "REQUIREMENTS", tmp_path / "requirements.txt")
    other, missing = (f for f in machine_findings(store, generates=False, needs_gpu=False) if f.subject == "packages")
    assert other.severity == "warning" and other.what.endswith("pinned is 0.1")
    assert (missing.severity, missing.what) == ("error", "no-such-one is not installed") and missing.remedy


def test_a_scale_that_needs_a_gpu_warns_without_one(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert of_machine(store)["devices"].severity == "ok"
    assert of_machine(store, needs_gpu=True)["devices"].severity == "warning"


def test_a_driver_that_torch_cannot_use_is_named(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "version").touch()
    monkeypatch.setattr(doctor_verb, "DRIVER", tmp_path / "version")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    found = of_machine(store)["devices"]
    assert found.severity == "warning" and "cannot use it" in found.what and "driver 580 or newer" in found.remedy


def test_folders_that_cannot_be_written_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path / "cache" / "inner"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = of_machine(RunStore(tmp_path / "file" / "runs"))
    assert found["runs"].severity == "error" and found["runs"].remedy.endswith("name another place with --runs")
    assert found["stand-ins"].severity == "error" and "STAND_IN_CACHE" in found["stand-ins"].remedy
    monkeypatch.undo()
    assert of_machine(RunStore(tmp_path / "runs"))["runs"].severity == "ok"
