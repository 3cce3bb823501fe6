"""`reproduce runs`: one's own runs are listed, filtered, removed, exported and imported."""

import errno
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.spec.catalog import captions, load
from experiments.spec.names import own_data
from experiments.spec.scales import TINY
from runner.machine.files import write_atomically
from runner.store.archive import id_of
from runner.store.jobs import Job, jobs_of
from runner.store.run_directory import RunDirectory
from runner.store.starts import Start, add_start, read_starts
from runner.store.store import RunStore
from tests.conftest import Outcome, Reproduce
from tests.reproduce.conftest import finish_job, job_of, started
from tests.runner.stored_metrics import write_result

MFORMER, JOINT = "motionformer/table6b:mformer", "motionformer/table4:joint"
SHORT = ("optim.epochs=3",)

Runs = Callable[..., Outcome]


@pytest.fixture
def runs(reproduce: Reproduce, store: RunStore) -> Runs:
    return lambda verb, *words: reproduce("runs", verb, "--runs", store.root, *words)


def finish(store: RunStore, value: float, overrides: tuple[str, ...] = (), seed: int = 0, name: str = "") -> Job:
    job = job_of(MFORMER, overrides, seed)
    finish_job(store, job, name, top1=value)
    return job


@pytest.fixture
def two(store: RunStore) -> tuple[Job, Job]:
    """The unchanged run of a row, and a shorter one with another seed and a name."""
    return finish(store, 61.0), finish(store, 47.25, SHORT, 1, "short")


def listed(runs: Runs, *words: str) -> list[dict]:
    return json.loads(runs("list", "--json", *words).out)


def test_a_list_says_of_each_run_what_it_is_and_what_it_gave(runs: Runs, two: tuple[Job, Job], store: RunStore) -> None:
    unchanged, short = two
    out = runs("list").out
    assert f"{MFORMER}.top1 seed 1" in out and "top1 47.2" in out and "-o optim.epochs=3" in out
    assert "2 runs, " in out and "scale: tiny" in out and "0123456789" in out
    one, other = sorted(listed(runs), key=lambda run: run["seed"])
    assert (one["id"], one["state"], one["metric"], one["value"]) == (unchanged.run.train_id, "done", "top1", 61.0)
    assert (one["run"], one["scale"], one["seed"], one["stale"]) == (f"{MFORMER}.top1", "tiny", 0, False)
    (start,) = other["starts"]
    assert (start["overrides"], start["name"], other["stale"]) == (["optim.epochs=3"], "short", None)
    assert Path(other["folder"]) == store.run(short.run.train_id).path and other["bytes"] > 700


def test_filters_take_tables_rows_globs_ids_names_states_and_scales(
    runs: Runs, two: tuple[Job, Job], store: RunStore
) -> None:
    unchanged, short = (job.run.train_id for job in two)
    failed = job_of(JOINT)
    write_atomically(started(store, failed).failure, "no disk\nexit code 3\n")

    def found(*words: str) -> set[str]:
        return {run["id"] for run in listed(runs, *words)}

    both, third = {unchanged, short}, {failed.run.train_id}
    assert found() == both | third
    for pattern in ("motionformer/table6b", MFORMER, "table6b", "table6b:*", f"{MFORMER}.top1"):
        assert found(pattern) == both
    assert found(short[:5]) == {short}
    assert found("motionformer") == both | third and found(short, JOINT) == {short} | third
    assert found("--name", "short") == {short} and found("--state", "failed") == third
    assert found("--state", "done") == both and found("--scale", "paper") == set()
    unknown = runs("list", "motionformer/table66")
    assert unknown.code == 2 and "names no run in" in unknown.err and "did you mean 'motionformer/table6" in unknown.err
    near = runs("list", "xvit/zoo").err
    assert "'xvit/zoo' names no run" in near and "did you mean" not in near
    assert runs("list", "--state", "interrupted").out.startswith("No such runs in ")
    assert "no run has it; names that runs have: short" in runs("list", "--name", "shrt").err


def test_runs_of_earlier_versions_show_what_their_folders_have(
    runs: Runs, store: RunStore, tmp_path: Path, reproduce: Reproduce
) -> None:
    known, changed = job_of(MFORMER), job_of(MFORMER, SHORT, 2)
    for job in (known, changed):
        store.run(job.run.train_id).save_config(job.run.description)
        write_result(store, job.run, 50.0)
    found = {run["id"]: run for run in listed(runs)}
    of_known, of_changed = found[known.run.train_id], found[changed.run.train_id]
    assert of_known["run"].startswith("motionformer/") and (of_known["scale"], of_known["stale"]) == ("tiny", False)
    assert (of_changed["run"], of_changed["stale"], of_changed["seed"], of_changed["value"]) == (None, None, 2, 50.0)
    assert runs("export", tmp_path / "old.tar").code == 0
    taken = reproduce("runs", "import", tmp_path / "old.tar", "--runs", tmp_path / "there")
    assert taken.code == 0 and f"next: reproduce report {of_known['run'].partition(':')[0]}" in taken.err


def test_stale_runs_are_those_that_no_row_gives_any_more(runs: Runs, two: tuple[Job, Job], store: RunStore) -> None:
    def stored(train_id: str, **fields: object) -> str:
        folder = RunDirectory(store.root / f"old-{train_id}")
        add_start(folder.starts, Start(scale="tiny", **fields))  # type: ignore[arg-type]
        return train_id

    old = stored("0" * 12, cell=f"{MFORMER}.top1")
    of_field = stored("1" * 12, cell=f"{MFORMER}.top1", overrides=("optim.gone=1",))
    of_row = stored("2" * 12, cell="motionformer/table6b:gone.top1", seed=3)
    unknown = stored("3" * 12, cell="elsewhere/table1:row.top1")  # a paper that another shell knows
    assert {run["id"] for run in listed(runs) if run["stale"]} == {old}
    assert {run["id"] for run in listed(runs, "--stale")} == {old, of_field, of_row}
    assert "stale: no row of the code here gives it any more" in runs("list").out
    assert runs("rm", "--stale", "--yes").code == 0
    assert {run["id"] for run in listed(runs)} == {unknown, *(job.run.train_id for job in two)}


def test_runs_are_removed_after_a_question_and_running_ones_never(
    runs: Runs, two: tuple[Job, Job], store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    unchanged, short = (store.run(job.run.train_id) for job in two)
    assert "name the runs" in runs("rm").err
    asked = runs("rm", "--name", "short")
    assert asked.code == 2 and "add --yes to remove 1 run (" in asked.err and short.path.exists()
    with short.claim():
        refused = runs("rm", "*", "--yes")
        assert refused.code == 2 and f"{short.train_id}: running, so nothing was removed" in refused.err
    assert unchanged.path.exists()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert "nothing was removed" in runs("rm", short.train_id).out and short.path.exists()
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert "removed 1 run (" in runs("rm", short.train_id).out
    assert unchanged.path.exists() and not short.path.exists()


@pytest.mark.parametrize("place", ["runner.store.run_directory.lease", "shutil.rmtree"])
def test_a_run_on_a_read_only_file_system_is_named_once(
    place: str, runs: Runs, two: tuple[Job, Job], store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(place, refuse)
    refused, folder = runs("rm", "--name", "short", "--yes"), store.run(two[1].run.train_id).path
    message = f"reproduce: cannot write {folder}: Read-only file system; name another place with --runs\n"
    assert (refused.code, refused.err) == (3, message)


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_a_colleague_imports_runs_with_what_started_them_and_their_results(
    ending: str, runs: Runs, two: tuple[Job, Job], store: RunStore, tmp_path: Path, reproduce: Reproduce
) -> None:
    _, short = two
    own = store.run(short.run.train_id)
    (start,) = read_starts(own.starts)
    own.starts.unlink()
    for one in (Start(cell="another/table1:row.top1", scale="tiny"), start):  # a table that is not here
        add_start(own.starts, one)
    write_atomically(own.checkpoint, "half")
    write_atomically(own.request(short.run.eval_id), "{}")
    file, there = tmp_path / f"runs{ending}", tmp_path / "there"
    assert runs("export", file, "--name", "short").code == 0
    again = runs("export", file)
    assert again.code == 2 and "exists; name another file" in again.err
    write_atomically(there / f".partial.{file.name}.killed" / "half", "")
    taken = reproduce("runs", "import", file, "--runs", there)
    assert taken.code == 0 and "next: reproduce report motionformer/table6b --runs" in taken.err
    assert "top1 47.2" in taken.out
    assert "--scale tiny -o optim.epochs=3 --seeds 1" in taken.err
    found = RunStore(there).test(short.run)
    assert found is not None and found.record.metrics["top1"] == 47.25
    assert found.directory.path.name == own.path.name and read_starts(found.directory.starts) == read_starts(own.starts)
    assert found.directory.weights.read_text() == "weights" and not found.directory.checkpoint.exists()
    assert not found.directory.request(short.run.eval_id).exists() and not list(there.glob(".*partial*"))
    here = reproduce("runs", "import", file, "--runs", there)
    assert here.code == 2 and f"already here: {found.directory.path} " in here.err


def test_no_command_follows_an_import_whose_own_videos_are_elsewhere(
    runs: Runs, store: RunStore, pets: Path, reproduce: Reproduce
) -> None:
    finish(store, 61.0, (own_data(pets),))
    runs("export", "runs.tar")
    here = reproduce("runs", "import", "runs.tar", "--runs", "here")
    assert f"--own {pets}" in here.err
    pets.rename(pets.with_name("animals"))
    there = reproduce("runs", "import", "runs.tar", "--runs", "there")
    assert (there.code, there.err) == (0, "") and "1 run" in there.out


def changed_archive(file: Path, change: Callable[[str, bytes], tuple[str, bytes]]) -> None:
    """Write an archive again with other names and contents of its files."""
    with tarfile.open(file) as archive:
        files = [(m.name, archive.extractfile(m).read()) for m in archive if m.isfile()]  # type: ignore[union-attr]
    with tarfile.open(file, "w") as archive:
        for name, content in files:
            member, content = change(name, content)
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize(
    ("part", "replacement", "message"),
    [
        ("config.json", lambda text: text.replace(b'"epochs": 3', b'"epochs": 4'), "config.json is that of run"),
        ("metrics/", lambda text: text.replace(b"47.25", b"99.25"), "it was changed after the test"),
        ("starts.json", lambda text: b'{"starts": [{"cell": 1}]}', "Expected `str`, got `int` - at `$.starts[0].cell`"),
        ("log.txt", None, "outside the destination"),
    ],
)
def test_a_file_that_was_changed_or_writes_elsewhere_is_refused_as_a_whole(
    part: str, replacement: Callable[[bytes], bytes] | None, message: str,
    runs: Runs, two: tuple[Job, Job], tmp_path: Path, reproduce: Reproduce,
) -> None:  # fmt: skip
    file = tmp_path / "runs.tar"
    runs("export", file)

    def change(name: str, content: bytes) -> tuple[str, bytes]:
        if part not in name:
            return name, content
        if replacement is None:
            top = name.partition("/")[0]
            return f"{top}/../../../outside.txt", content
        return name, replacement(content)

    changed_archive(file, change)
    refused = reproduce("runs", "import", file, "--runs", tmp_path / "there")
    assert refused.code == 2 and message in refused.err, refused.err
    assert not [*(tmp_path / "there").iterdir()] and not (tmp_path / "outside.txt").exists()


def test_what_is_no_file_of_runs_is_refused(runs: Runs, tmp_path: Path) -> None:
    write_atomically(tmp_path / "text.tar", "text")
    with tarfile.open(tmp_path / "other.tar", "w") as archive:
        archive.add(tmp_path / "text.tar", "readme/text")
    assert "holds no runs, or is damaged" in runs("import", tmp_path / "text.tar").err
    assert "'readme' is no folder of a run" in runs("import", tmp_path / "other.tar").err
    assert "there is no file" in runs("import", tmp_path / "none.tar").err
    assert (
        "ends in .tar or .tar.gz" in runs("export", tmp_path / "runs.zip").err
        or "no run to export" in runs("export", "a").err
    )


def test_the_id_of_a_run_follows_from_its_config_file(tmp_path: Path) -> None:
    ids = {
        job.run.train_id: job.run.description
        for table in captions()
        for job in jobs_of([(load(table), None)], TINY, [], (0,))
    }
    assert len(ids) > 100
    for train_id, description in ids.items():
        assert id_of(json.loads(json.dumps(description))) == train_id
