"""`reproduce doctor`: findings on what a table needs, exit codes, and JSON."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from data.fingerprint import fingerprint_in
from data.inspection.decoding import CompleteItems
from data.inspection.findings import Finding
from experiments.spec.catalog import find
from experiments.spec.scales import PAPER
from reproduce.verbs import doctor as doctor_verb
from reproduce.verbs.doctor import machine_findings
from runner.machine.files import write_atomically
from runner.store.jobs import jobs_of
from runner.store.store import RunStore
from tests.conftest import Reproduce
from tests.data.numbered_videos import write_video
from tests.data.official_files import official_kinetics, official_ssv2
from tests.reproduce.conftest import TerminalOf
from tests.runner.stored_metrics import write_result

ROW = "motionformer/table4:joint"
FEW = ("-o", "optim.batch_size=2", "-o", "data.dataset.num_classes=2", "--workers", "0")


@pytest.fixture
def root(kinetics: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of Kinetics, beside initial weights."""
    monkeypatch.delenv("VIDEO_ROOT", raising=False)
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path / "stand-ins"))
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", no_network)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    write_atomically(tmp_path / "vit_base_patch16_224.orig_in21k_ft_in1k.safetensors", "")
    return kinetics


def no_network(*_: object, **__: object) -> None:
    raise ConnectionError("no network")


class Doctor:
    """Doctor of a row of one data set at the paper's size."""

    def __init__(self, reproduce: Reproduce, root: Path) -> None:
        self.reproduce = reproduce
        self.runs, self.data = ["--runs", root.parent / "runs"], ["--data", f"kinetics400={root}"]
        self.words = [ROW, "--column", "k400", "--scale", "paper", *self.data, *FEW]

    def __call__(self, *more: str, of: Sequence[object] | None = None) -> tuple[int, list[dict]]:
        """Exit code and findings.

        Args:
            of: words in place of those of the row.
        """
        outcome = self.reproduce("doctor", *(self.words if of is None else of), *self.runs, *more, "--json")
        return outcome.code, json.loads(outcome.out)

    def errors(self, *more: str, of: Sequence[object] | None = None) -> list[dict]:
        """Findings that stop a run."""
        code, found = self(*more, of=of)
        errors = [finding for finding in found if finding["severity"] == "error"]
        assert code == (3 if errors else 0)
        return errors


@pytest.fixture
def doctor(reproduce: Reproduce, root: Path) -> Doctor:
    return Doctor(reproduce, root)


def test_a_table_that_could_run_has_no_errors(doctor: Doctor) -> None:
    code, found = doctor()
    assert code == 0 and not [finding for finding in found if finding["severity"] == "error"]
    texts = [finding["what"] for finding in found if finding["subject"] == "kinetics400"]
    assert "2 train videos decoded" in texts and "1 test video decoded" in texts
    assert any(finding["what"].startswith("initial weights in") for finding in found)
    assert "train: short sides 48; 2 of 2 are below the 224 of the test" in texts
    text = doctor.reproduce("doctor", *doctor.words, *doctor.runs).out
    assert "  -> they are enlarged; get videos with a short side of 224 or more" in text
    assert text.splitlines()[-1].startswith("0 errors, ")


def test_findings_are_wrapped_below_their_text_in_a_terminal(terminal: TerminalOf) -> None:
    found = [Finding("error", "ssv2", "the annotations of the train split are not there", "get them, or use --data")]
    assert max(map(len, doctor_verb.text(found).splitlines())) > 50
    terminal(40)
    assert doctor_verb.text(found).splitlines()[:4] == [
        "error    ssv2  the annotations of the",
        "               train split are not there",
        "               -> get them, or use",
        "                  --data",
    ]


def test_every_error_that_stops_the_table_is_named_with_its_remedy(doctor: Doctor, root: Path) -> None:
    (root / "train/b/1.mp4").unlink()
    (root / "val/a/2.mp4").write_bytes(b"damaged")
    (root.parent / "vit_base_patch16_224.orig_in21k_ft_in1k.safetensors").unlink()
    weights, missing, undecodable = doctor.errors()
    assert weights["subject"] == "weights" and "save it as" in weights["remedy"]
    assert missing["what"].startswith("1 of 2 train videos are missing") and "--allow-bad 1" in missing["remedy"]
    listed = root.parent / "runs/decoded/kinetics400.txt"
    assert "1 of 1 test video cannot be decoded" in undecodable["what"] and str(listed) in undecodable["remedy"]
    assert str(root / "val/a/2.mp4") in listed.read_text()
    assert [error["subject"] for error in doctor.errors("--allow-bad", "1")] == ["weights"]


def test_runs_that_are_impossible_with_any_data_and_missing_folders_are_errors(doctor: Doctor) -> None:
    place = [ROW, "--scale", "paper"]
    larger = ["optim.batch_size=4" if word == "optim.batch_size=2" else word for word in doctor.words]
    for of, more, expected in (
        (None, ["--devices", "3"], ["cannot be split over 3 devices"]),
        (larger, [], ["2 training videos are fewer than one batch of 4"]),
        (place, [], ["where is kinetics400? name its", "where is ssv2? name its"]),
        ([*place, "--column", "k400", "--data", "kinetics400=/none"], [], ["the data root /none does not exist"]),
    ):
        errors = doctor.errors(*more, of=of)
        assert len(errors) == len(expected)
        assert all(text in error["what"] for error, text in zip(errors, expected, strict=True))


@pytest.mark.parametrize(
    ("split", "line", "message"),
    [
        ("val", "( ( [MAX 2 ) 9 ] )\t", r"basic_val.tsv:3: the value is ''"),
        ("test", "( ( ( [MAX 2 ) X ) ] )\t2", r"basic_test.tsv:3: 'X' is no token"),
    ],
)
def test_a_validation_split_of_its_own_and_items_of_one_file_are_read(
    split: str, line: str, message: str, tmp_path: Path, doctor: Doctor
) -> None:
    lines = {name: ["Source\tTarget", "7\t7"] for name in ("train", "val", "test")}
    lines[split].append(line)
    for name, text in lines.items():
        (tmp_path / f"basic_{name}.tsv").write_text("\n".join(text) + "\n")
    words = ["motionformer/table5:exact", "--column", "listops", "--scale", "paper", "--workers", "0"]
    words += ["-o", "data.dataset.stand_in=None", "-o", "optim.batch_size=1", "-o", "data.dataset.test_batch=None"]
    code, found = doctor(of=[*words, "--data", f"listops={tmp_path}"])
    (error,) = [finding["what"] for finding in found if finding["severity"] == "error"]
    assert code == 3 and message in error
    assert not any("in the training and in the test split" in finding["what"] for finding in found)


def test_a_test_alone_needs_weights_and_the_test_split(doctor: Doctor, root: Path) -> None:
    (root / "train.csv").unlink()
    assert [error["what"] for error in doctor.errors("--eval-only")] == [f"{ROW}.k400 has no weights to test"]
    overrides = [text for text in FEW if "=" in text]
    job = next(job for job in jobs_of(find([ROW]), PAPER, overrides, (0,)) if job.cell == "joint.k400")
    write_atomically(job.directory(RunStore(root.parent / "runs")).weights, "")
    assert doctor.errors() == []


def test_finished_runs_need_nothing(doctor: Doctor, root: Path) -> None:
    for job in jobs_of(find([ROW]), PAPER, [], (0,)):
        write_result(RunStore(root.parent / "runs"), job.run)
    code, found = doctor(of=[ROW, "--scale", "paper"])
    assert code == 0 and any(finding["what"] == "3 of 3 are done" for finding in found)


def test_named_data_of_finished_runs_are_inspected_and_compared(doctor: Doctor, root: Path) -> None:
    overrides = [text for text in FEW if "=" in text]
    job = next(job for job in jobs_of(find([ROW]), PAPER, overrides, (0,)) if job.cell == "joint.k400")
    write_result(RunStore(root.parent / "runs"), job.run, data=fingerprint_in(job.run.data, root).as_json())
    done = doctor.reproduce("doctor", *doctor.words, *doctor.runs)
    assert "1 of 1 are done" in done.out and "1 test video decoded" in done.out
    assert done.code == 0 and done.err.startswith(f"next: reproduce report {ROW} ")
    (root / "val/a/2.mp4").write_bytes(b"damaged")
    (root / "train.csv").write_text("train/a/0.mp4 0\n")
    undecodable, changed = doctor.errors()
    assert "1 of 1 test video cannot be decoded" in undecodable["what"]
    assert "ids or labels of the training videos differ (now 1, earlier 2)" in changed["what"]
    refused = doctor.reproduce("run", *doctor.words, *doctor.runs)
    assert refused.code == 3 and changed["what"] in refused.err and changed["remedy"] in refused.err


def test_stand_ins_are_not_generated(doctor: Doctor, root: Path) -> None:
    code, found = doctor(of=[ROW])
    assert code == 0
    assert sum("the stand-in will be generated by the first run, about" in finding["what"] for finding in found) == 2
    assert not (root.parent / "stand-ins").exists()


def test_without_a_table_the_data_sets_that_are_named_or_found_are_checked(
    doctor: Doctor, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--workers", "0"]
    code, found = doctor(of=words)
    assert code == 0 and found[-1]["what"] == "no data set is named or found"
    (root / "classes.txt").write_text("\n".join(f"class {number:03d}" for number in range(400)))
    monkeypatch.setenv("VIDEO_ROOT", str(root.parent))
    code, found = doctor(of=words)
    assert code == 0 and {f["subject"] for f in found if f["what"].endswith("decoded")} == {"kinetics400"}
    assert any("2 train videos listed, officially 246,534" in finding["what"] for finding in found)
    monkeypatch.delenv("VIDEO_ROOT")
    assert {error["subject"] for error in doctor.errors(of=[*words, "--data", f"epic100={root}"])} == {"epic100"}
    assert doctor.reproduce("doctor", "--data", "ssv3=/data").code == 2


def test_deep_goes_on_where_it_was(doctor: Doctor, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        write_video(root / f"val/a/{number}.mp4", 1)
    (root / "val.csv").write_text("".join(f"val/a/{number}.mp4 0\n" for number in range(20)))
    _, sampled = doctor("--eval-only")
    assert any(finding["what"] == "16 test videos decoded" for finding in sampled)
    decoded: list[int] = []
    monkeypatch.setattr(CompleteItems, "__getitem__", lambda items, place: decoded.append(place))
    _, found = doctor("--eval-only", "--deep")
    assert len(decoded) == 4 and any(finding["what"] == "16 test videos decoded" for finding in found)


@pytest.fixture(autouse=True)
def no_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without an NVIDIA driver."""
    monkeypatch.setattr(doctor_verb, "DRIVER", tmp_path / "none")


def of_machine(store: RunStore, *, needs_gpu: bool = False) -> dict[str, Finding]:
    return {finding.subject: finding for finding in machine_findings(store, generates=True, needs_gpu=needs_gpu)}


def test_packages_other_than_the_pinned_ones_are_named(
    store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert of_machine(store)["packages"].severity == "ok"
    (tmp_path / "requirements.txt").write_text("# ours\nnumpy==0.1  # old\nno-such-one==2\n")
    monkeypatch.setattr(doctor_verb, "REQUIREMENTS", tmp_path / "requirements.txt")
    other, missing = (f for f in machine_findings(store, generates=False, needs_gpu=False) if f.subject == "packages")
    assert other.severity == "warning" and other.what.endswith("pinned is 0.1")
    assert (missing.severity, missing.what) == ("error", "no-such-one is not installed") and missing.remedy


def test_a_missing_gpu_is_a_warning_where_it_is_needed_or_has_a_driver(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert of_machine(store)["devices"].severity == "ok"
    assert of_machine(store, needs_gpu=True)["devices"].severity == "warning"
    (tmp_path / "version").touch()
    monkeypatch.setattr(doctor_verb, "DRIVER", tmp_path / "version")
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


def test_prepare_takes_the_list_of_the_videos_that_a_table_needs(doctor: Doctor, root: Path, tmp_path: Path) -> None:
    _, found = doctor("--list", "ids.txt")
    assert {"the ids of 3 videos are in ids.txt"} <= {finding["what"] for finding in found}
    ids = (tmp_path / "ids.txt").read_text()
    assert ids == "train/a/0.mp4\ntrain/b/1.mp4\nval/a/2.mp4\n"
    outcome = doctor.reproduce("prepare", "kinetics400", *doctor.data, "--out", "copy", "--list", "ids.txt")
    assert (outcome.code, outcome.out) == (0, f"3 videos in {tmp_path / 'copy'}\n")
    doctor("--eval-only", "--list", "ids.txt")
    assert (tmp_path / "ids.txt").read_text() == "val/a/2.mp4\n"


def test_a_list_of_the_videos_of_a_scale_is_written_for_each_of_its_data_sets(doctor: Doctor, tmp_path: Path) -> None:
    kinetics, ssv2 = official_kinetics(tmp_path / "k400"), official_ssv2(tmp_path / "ssv2")
    (ssv2 / "validation.json").write_text((ssv2 / "train.json").read_text().replace('"id": "', '"id": "v'))
    for file in (*kinetics.rglob("*.mp4"), *ssv2.rglob("*.webm")):
        file.unlink()  # no video has been unpacked yet
    roots = ["--data", f"kinetics400={kinetics}", "--data", f"ssv2={ssv2}"]
    doctor("--list", "ids.txt", of=["motionformer/table4:joint", "--scale", "small", *roots])
    ids = {name: (tmp_path / f"ids.txt.{name}").read_text().splitlines() for name in ("kinetics400", "ssv2")}
    assert {name: len(of_name) for name, of_name in ids.items()} == {"kinetics400": 4000, "ssv2": 174}
    doctor("--list", "ids.txt", of=["msca/table2:vit", "--scale", "small", *roots[:2]])
    share = (tmp_path / "ids.txt").read_text().splitlines()
    assert 2550 < len(share) < 2800  # a third of the training videos, all others
    assert {*share} < {*ids["kinetics400"]}
