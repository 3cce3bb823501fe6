"""A cluster for the tests of a module, and a clone of this code, from which they submit."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from experiments.spec.paper_folders import PAPERS
from tests.slurm.cluster import Cluster, why_not

ROOT = Path(__file__).resolve().parents[2]
REASON = why_not()
Reproduce = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.slurm)
            if REASON is not None:
                item.add_marker(pytest.mark.skip(reason=REASON))


@pytest.fixture(scope="module", params=["linuxproc", pytest.param("cgroup", marks=pytest.mark.slow)])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that finds processes in one of two ways: with cgroup, signals reach what srun starts alone."""
    started = Cluster(tmp_path_factory.mktemp("slurm"), request.param)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clone with what is changed here, which is committed there."""
    folder = tmp_path_factory.mktemp("clone") / "clone"
    subprocess.run(["git", "clone", "--quiet", "--shared", str(ROOT), str(folder)], check=True)
    listed = ["git", "-C", str(ROOT), "ls-files", "--modified", "--others", "--exclude-standard", "--deduplicate"]
    for name in subprocess.run(listed, capture_output=True, text=True, check=True).stdout.splitlines():
        (folder / name).unlink(missing_ok=True)
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    commit(folder)
    return folder


def commit(clone: Path) -> None:
    """Commit all changes of a clone."""
    names = ["-c", "user.name=test", "-c", "user.email=test"]
    subprocess.run(["git", "-C", str(clone), "add", "--all"], check=True)
    subprocess.run(["git", "-C", str(clone), *names, "commit", "--quiet", "--allow-empty", "-m", "Test"], check=True)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs of 100%j"  # sbatch replaces %j in paths


@pytest.fixture(scope="module")
def reproduce(cluster: Cluster, clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Reproduce:
    """Function that calls `reproduce` in the clone, with a directory of runs."""
    papers = os.pathsep.join(str(ROOT / "tests" / folder) for folder in ("sixth_paper", "expert_paper"))
    stand_ins = tmp_path_factory.getbasetemp() / "stand-ins"
    cluster.environment |= {PAPERS: papers, "STAND_IN_CACHE": str(stand_ins)}

    def call(runs: Path, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "reproduce", *words, "--runs", str(runs)]
        return subprocess.run(command, cwd=clone, env=cluster.environment, capture_output=True, text=True)

    return call
