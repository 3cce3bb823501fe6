"""Some columns of a table: what they show, and what that starts from."""

import json
from pathlib import Path

import pytest

from experiments.catalog import find
from experiments.cli import main
from experiments.columns import jobs_under
from experiments.launch import Job, jobs_of
from experiments.scales import PAPER, TINY, Scale
from experiments.store import RunStore, write_atomically

T4 = "motionformer/table4"


def jobs(*names: str, scale: Scale = TINY) -> list[Job]:
    return jobs_of(find(list(names)), scale, [], (0,))


def test_only_the_runs_under_a_column_are_chosen() -> None:
    chosen = jobs_under(jobs(T4), ["k400"])
    assert [job.name for job in chosen] == [job.name for job in jobs(T4) if job.cell.endswith(".k400")]
    assert all(job.run.data.dataset.name == "kinetics400" for job in chosen)


def test_what_a_column_starts_from_comes_along_and_shows_no_cell() -> None:
    joint_start, ssv2 = jobs_under(jobs(f"{T4}:trajectory", scale=PAPER), ["ssv2"])
    assert ssv2.cells == [f"{T4}:trajectory.ssv2"]
    assert ssv2.run.start_from == joint_start.run
    assert joint_start.only_starts_others and joint_start.starts == [f"{T4}:trajectory.ssv2"]
    (alone,) = jobs_under(jobs(f"{T4}:trajectory", scale=PAPER), ["k400"])
    assert alone.run == joint_start.run and alone.starts == []


def test_a_run_that_several_tables_show_is_named_by_a_chosen_cell() -> None:
    shared = jobs_under(jobs(T4, "motionformer/table6b:mformer"), ["top1"])
    assert [job.name for job in shared] == ["motionformer/table6b:mformer.top1"]


def test_a_column_of_one_of_several_tables_is_enough() -> None:
    both = jobs_under(jobs(T4, "motionformer/table6a:mformer"), ["k400", "top1"])
    assert {cell.rpartition(".")[2] for job in both for cell in job.cells} == {"k400", "top1"}


@pytest.mark.parametrize("column", ["gflops", "k40", ""])
def test_a_column_without_runs_is_refused_with_those_there_are(column: str) -> None:
    with pytest.raises(ValueError, match=f"--column '{column}': nothing is run under it; there are k400, ssv2"):
        jobs_under(jobs(T4), ["k400", column])


@pytest.mark.parametrize("verb", ["plan", "status"])
def test_the_verbs_that_look_take_columns(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, T4, "--column", "ssv2", "--runs", str(tmp_path), "--json"]) == 0
    assert {cell.rpartition(".")[2] for one in json.loads(capsys.readouterr().out) for cell in one["cells"]} == {"ssv2"}
    assert main([verb, T4, "--column", "k400,ssv2", "--runs", str(tmp_path), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(jobs(T4))


def test_one_data_set_is_enough_for_its_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIDEO_ROOT", raising=False)
    (tmp_path / "a.mp4").touch()
    for split in ("train", "val"):
        (tmp_path / f"{split}.csv").write_text("a.mp4 0\n" * 128)
    words = ["plan", f"{T4}:joint", "--scale", "paper", "--json", "--data", f"kinetics400={tmp_path}"]
    assert main(words) == 0
    assert any("where is ssv2?" in str(one["problem"]) for one in json.loads(capsys.readouterr().out))
    assert main([*words, "--column", "k400"]) == 0
    assert [one["problem"] for one in json.loads(capsys.readouterr().out)] == [None]


def test_a_run_under_an_unknown_column_is_a_mistake_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", T4, "--column", "gflops", "--runs", str(tmp_path)]) == 2
    assert "there are k400, ssv2" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_maps_of_what_was_not_chosen_are_not_asked_for(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = {"top1": 10.0, "videos": {"evaluated": 10, "failed": 0, "missing": 0}, "seconds": 1.0}
    for job in jobs(f"{T4}:trajectory"):
        write_atomically(store.run(job.run.train_id).metrics(job.run.eval_id), json.dumps(metrics))
    words = ["run", f"{T4}:trajectory", "motionformer/figure4:ssv2", "--runs", str(store.root), "--column"]
    assert main([*words, "k400"]) == 0
    assert capsys.readouterr().err == ""
    assert main([*words, "ssv2"]) == 1
    assert "ssv2: no attention maps: run " in capsys.readouterr().err
