"""Scripts of jobs and the code that they run, without SLURM."""

import subprocess
from pathlib import Path

import pytest

from runner.jobs import sbatch
from runner.jobs.sbatch import Settings


def test_a_job_without_its_code_does_not_run_other_code(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "the code", 1, 1, False, ())
    script = settings.command_script("name", tmp_path / "log.txt", ["runner.jobs.run_process --help"])
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert ended.returncode == 3 and str(settings.code) in ended.stdout and ended.stdout.count("\n") == 1


def test_a_killed_checkout_leaves_no_half_of_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone, folder = tmp_path / "clone", tmp_path / "runs" / "code" / "a"
    git = ["git", "-C", str(clone), "-c", "user.name=test", "-c", "user.email=test"]
    subprocess.run(["git", "init", "--quiet", str(clone)], check=True)
    (clone / ".gitattributes").write_text("b filter=kills\n")
    for name in "abc":
        (clone / name).write_text(name)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "Test"], check=True)
    monkeypatch.setattr(sbatch, "ROOT", clone)
    kills = "kill -9 $PPID $(ps -o ppid= -p $PPID)"  # git, and the git that has started it
    subprocess.run([*git, "config", "filter.kills.smudge", kills], check=True)
    with pytest.raises(OSError, match="git"):
        sbatch.pin(folder, "HEAD")
    assert not folder.exists()
    subprocess.run([*git, "config", "filter.kills.smudge", "cat"], check=True)
    for _ in range(2):  # the second time after someone has removed it
        sbatch.pin(folder, "HEAD")
        assert {file.name for file in folder.iterdir()} == {".git", ".gitattributes", "a", "b", "c"}
        assert sbatch.output("git", "-C", str(folder), "status", "--short") == ""
        subprocess.run(["rm", "-r", str(folder)], check=True)
