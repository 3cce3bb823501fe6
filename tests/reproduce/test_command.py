"""Command line: user errors are one line with cause and remedy, and the right exit code."""

import importlib
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from data.errors import DataError
from experiments.spec.catalog import find
from experiments.spec.scales import TINY
from reproduce.command import ended_by_ctrl_c, main, parser
from reproduce.verbs import list_tables
from runner.machine.files import StoreError, write_atomically
from runner.store.jobs import jobs_of
from runner.store.store import RunStore

ROOT = Path(__file__).resolve().parents[2]
ROW = "motionformer/table4:joint"


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def reproduce(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # noqa: ANN201
    monkeypatch.delenv("VIDEO_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Outcome:
        try:
            code = main(list(words))
        except SystemExit as end:
            assert isinstance(end.code, int)
            code = end.code
        streams = capsys.readouterr()
        return Outcome(code, streams.out, streams.err)

    return call


T4 = "motionformer/table4"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["repot", T4], 2, "unknown verb 'repot'; did you mean 'report'?"),
        (["show", "motionformer/table44"], 2, "unknown table 'motionformer/table44'; did you mean motionformer/table4"),
        (["show", f"{T4}:trajectroy"], 2, "has no row 'trajectroy'; did you mean 'motionformer/table4:trajectory'?"),
        (["show", T4, "--sale", "tiny"], 2, "--sale"),
        (["show", T4, "--scale", "tny"], 2, "unknown scale 'tny'; did you mean 'tiny'?"),
        (["show", T4, "--seeds", "0;1"], 2, "--seeds '0;1': write whole numbers with commas"),
        (["plan", T4, "-o", "optim.epoch=3"], 2, "no field 'epoch'; did you mean 'epochs'?"),
        (["plan", T4, "-o", "optim.epochs=many"], 2, "expected int or None, e.g. optim.epochs=15"),
        (["plan", T4, "-o", "optim.batch_size=many"], 2, "expected int, e.g. optim.batch_size=32"),
        (["run", T4, "--jobs", "0"], 2, "--jobs 0: it must be 1 or more"),
        (["run", T4, "--devices", "3"], 2, "cannot be split over 3 devices; use one of 1, 2, 4"),
        (["run", T4, "--micro-batch", "5"], 2, "use --micro-batch with one of 1, 2, 4"),
        (["run", T4, "--data", "k400"], 2, "write it as NAME=PATH"),
        (["run", T4, "--scale", "paper"], 3, "where is kinetics400? name its folder with --data kinetics400=PATH"),
        (["run", T4, "--scale", "paper", "--data", "kinetics400=nowhere"], 3, "nowhere does not exist"),
        (["evaluate", T4, "--list", "x.csv"], 2, "is not one row; name it as paper/table:row"),
        (["evaluate", f"{T4}:joint", "--list", "x.csv", "--column", "gflops"], 2, "it has k400, ssv2"),
        (["evaluate", f"{T4}:joint", "--list", "nowhere.csv", "--untrained"], 3, "nowhere.csv"),
    ],
)  # fmt: skip
def test_user_errors_are_one_line_with_a_remedy(reproduce, words: list[str], code: int, message: str) -> None:  # noqa: ANN001
    outcome = reproduce(*words)
    assert message in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert "Traceback" not in outcome.err
    assert outcome.code == code


def test_errors_name_unusable_data_roots(reproduce, tmp_path: Path) -> None:  # noqa: ANN001
    root = tmp_path / "k400"
    root.mkdir()
    words = ("run", f"{T4}:joint", "--scale", "paper", "--data", f"kinetics400={root}", "--data", f"ssv2={root}")
    empty = reproduce(*words)
    assert empty.code == 3 and f"{root} is empty" in empty.err
    (root / "readme.txt").write_text("hello")
    other = reproduce(*words)
    assert other.code == 3 and str(root) in other.err and "train" in other.err
    (root / "train.csv").write_text("a.mp4 0\nb.mp4 four\n")
    wrong_label = reproduce(*words)
    assert wrong_label.code == 3 and "train.csv:2" in wrong_label.err
    (root / "train.csv").write_text("a.mp4 0\nb.mp4\n")
    few_fields = reproduce(*words)
    assert few_fields.code == 3 and "train.csv:2" in few_fields.err


def test_run_rejects_an_unwritable_run_store(reproduce, tmp_path: Path) -> None:  # noqa: ANN001
    (tmp_path / "file").write_text("not a directory")
    outcome = reproduce("run", T4, "--runs", str(tmp_path / "file" / "runs"))
    assert outcome.code == 3
    assert f"cannot write {tmp_path}" in outcome.err and "--runs" in outcome.err


def test_evaluate_rejects_a_damaged_checkpoint_in_one_line(reproduce, tmp_path: Path) -> None:  # noqa: ANN001
    (tmp_path / "weights.pyth").write_bytes(b"PK\x03\x04 cut short")
    (tmp_path / "list.csv").write_text("a.mp4 0\n")
    small = ["-o", "model.depth=1", "-o", "model.width=48", "-o", "model.heads=4"]
    files = ["--list", str(tmp_path / "list.csv"), "--weights", str(tmp_path / "weights.pyth")]
    outcome = reproduce("evaluate", f"{T4}:joint", *files, *small)
    assert outcome.code == 2
    assert "weights.pyth" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_evaluate_without_trained_weights_is_an_error_with_a_remedy(reproduce, tmp_path: Path) -> None:  # noqa: ANN001
    (tmp_path / "list.csv").write_text("a.mp4 0\n")
    small = ["-o", "model.depth=1", "-o", "model.width=48", "-o", "model.heads=4"]
    outcome = reproduce("evaluate", f"{T4}:joint", "--list", str(tmp_path / "list.csv"), *small)
    assert outcome.code == 2
    assert "or name a file with --weights FILE" in outcome.err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ValueError("it cannot\n   be"), 2, "reproduce: it cannot be\n"),
        (DataError("no data"), 3, "reproduce: no data\n"),
        (StoreError("no store"), 3, "reproduce: no store\n"),
        (FileNotFoundError("no file"), 3, "reproduce: no file\n"),
        (KeyboardInterrupt(), 130, ""),
        (KeyboardInterrupt(15), 143, ""),
    ],
)
def test_errors_of_a_verb_become_one_line_and_an_exit_code(
    reproduce,  # noqa: ANN001
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    text: str,
) -> None:
    def fails(options: object) -> int:
        raise error

    monkeypatch.setattr(list_tables, "execute", fails)
    outcome = reproduce("list")
    assert (outcome.code, outcome.err) == (code, text)


def test_debug_shows_the_traceback_of_an_error(reproduce) -> None:  # noqa: ANN001
    with pytest.raises(ValueError, match="unknown table"):
        reproduce("show", "motionformer/table44", "--debug")


def test_unexpected_exceptions_are_not_caught(reproduce, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN001
    def fails(options: object) -> int:
        raise KeyError("bug")

    monkeypatch.setattr(list_tables, "execute", fails)
    with pytest.raises(KeyError):
        reproduce("list")


def test_every_verb_has_a_module_with_an_execute_function() -> None:
    verbs = next(action for action in parser()._actions if action.dest == "verb_name")
    assert isinstance(verbs.choices, dict)
    assert set(verbs.choices) == {
        "list", "show", "plan", "doctor", "run", "status", "report", "tensorboard", "import-weights", "measure",
        "attention", "evaluate", "claims",
    }  # fmt: skip
    for verb in verbs.choices.values():
        module = importlib.import_module(f"reproduce.verbs.{verb.get_default('module')}")
        assert callable(module.execute)
        assert {"debug"} <= {action.dest for action in verb._actions}


def test_default_scale_is_paper_for_import_weights_and_evaluate_and_tiny_otherwise() -> None:
    scales = {
        verb: parser().parse_args([verb, *words]).scale
        for verb, words in {
            "show": [T4],
            "run": [T4],
            "report": [T4],
            "import-weights": ["file", "--as", T4],
            "evaluate": [T4, "--list", "x"],
            "attention": [T4, "--out", "x.png"],
        }.items()
    }
    assert [verb for verb, scale in scales.items() if scale == "paper"] == ["import-weights", "evaluate"]
    assert set(scales.values()) == {"paper", "tiny"}


@pytest.mark.parametrize("words", [["list"], ["show", T4]])
def test_a_closed_pipe_is_not_an_error(words: list[str]) -> None:
    command = [sys.executable, "-m", "reproduce", *words]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait() == 0


def test_the_version_names_the_commit_and_pytorch(reproduce) -> None:  # noqa: ANN001
    outcome = reproduce("--version")
    assert outcome.code == 0
    assert re.fullmatch(r"reproduce \d+\.\d+\.\d+, commit \S+, Python 3\.\S+, torch \S+\n", outcome.out)


@pytest.mark.parametrize(
    "module", ["reproduce.command", "runner.inference.row_model", "runner.jobs.run_process", "benchmarks.__main__"]
)
def test_entry_points_disable_the_native_jit_of_torch_before_they_import_it(module: str) -> None:
    code = (
        "import importlib, os, sys\n"
        "class Watch:\n"
        "    def find_spec(self, name, *_):\n"
        "        assert name != 'torch' or os.environ['TORCH_DISABLE_NATIVE_JIT'] == '1'\n"
        "sys.meta_path.insert(0, Watch())\n"
        f"importlib.import_module({module!r})\n"
        "assert os.environ.get('TORCH_DISABLE_NATIVE_JIT') or 'torch' not in sys.modules"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TORCH_DISABLE_NATIVE_JIT"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["status", "motionformer/table4", "--runs", ""],
            "argument --runs: names no file; '.' is the working directory",
        ),
        (["evaluate", ROW, ""], "VIDEO: names no file"),
        (["evaluate", ROW, "--weights", "w.pth", ""], "VIDEO: names no file"),
        (["evaluate", ROW, "a.mp4", "--classes", ""], "argument --classes: names no file"),
        (["tensorboard", "motionformer/table4", "--port", "-1"], "-1: a port is a number from 0 to 65535"),
        (["tensorboard", "motionformer/table4", "--port", "99999"], "a port is a number from 0 to 65535"),
    ],
)
def test_empty_paths_and_impossible_ports_are_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plan", ROW, "--own", "/a", "--own", "/b"], "argument --own: there are two, /a, /b; name one folder"),
        (["doctor", "--own", "/a"], "--own is about the runs of tables; name one as paper/table"),
        (["doctor", "--eval-only"], "--eval-only is about the runs of tables; name one as"),
        (["report", "motionformer/table4", "--format", "csv", "--json"], "--json beside --format csv; name one"),
    ],
)
def test_options_without_effect_are_refused(reproduce, words: list[str], message: str) -> None:  # noqa: ANN001
    outcome = reproduce(*words)
    assert outcome.code == 2 and message in outcome.err


def test_a_directory_of_runs_that_does_not_exist_is_named(reproduce, tmp_path: Path) -> None:  # noqa: ANN001
    note = f"note: --runs {tmp_path}/none does not exist, so there are no runs in it\n"
    assert note in reproduce("status", ROW, "--runs", f"{tmp_path}/none").err
    assert note not in reproduce("status", ROW, "--runs", str(tmp_path)).err


def test_evaluate_names_the_scale_at_which_a_row_has_weights(reproduce, tmp_path: Path) -> None:  # noqa: ANN001
    (run,) = (job.run for job in jobs_of(find([ROW]), TINY, [], (0,)) if job.cell.endswith(".k400"))
    write_atomically(RunStore(tmp_path).run(run.train_id).weights, "trained")
    (tmp_path / "a.mp4").touch()
    outcome = reproduce("evaluate", ROW, str(tmp_path / "a.mp4"), "--runs", str(tmp_path))
    assert outcome.code == 2 and "; or add --scale tiny, at which this row has weights; or name a file" in outcome.err


def test_weights_at_another_scale_do_not_matter_to_a_row_with_weights(
    reproduce,  # noqa: ANN001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = ["-o", "data.dataset.stand_in.num_train=64"]  # of tiny alone
    words = ["evaluate", ROW, "--column", "k400", "--scale", "tiny", *few, "--runs", str(tmp_path), "a.mp4"]
    assert "has no weights at --scale tiny" in reproduce(*words).err
    run = next(job.run for job in jobs_of(find([ROW]), TINY, few[1:], (0,)) if job.cell.endswith(".k400"))
    write_atomically(RunStore(tmp_path).run(run.train_id).weights, "trained")
    assert "cut short or damaged" in reproduce(*words).err  # the weights are read


def test_a_row_without_weights_is_refused_with_the_command_that_trains_it(reproduce, tmp_path: Path) -> None:  # noqa: ANN001
    words = ["--runs", str(tmp_path), "--out", str(tmp_path / "a.png"), "-o", "optim.epochs=3"]
    outcome = reproduce("attention", ROW, *words)
    train = f"train it with `reproduce run {ROW} -o optim.epochs=3 --runs {tmp_path} --column k400`"
    assert outcome.code == 2 and outcome.err.endswith(f"{train}\n") and "import" not in outcome.err


def test_a_port_in_use_is_refused(reproduce, tmp_path: Path) -> None:  # noqa: ANN001
    with socket.socket() as other:
        other.bind(("localhost", 0))
        other.listen()
        port = other.getsockname()[1]
        outcome = reproduce("tensorboard", ROW, "--runs", str(tmp_path), "--port", str(port))
    assert (outcome.code, outcome.err) == (
        3, f"reproduce: --port {port}: Address already in use; name another one, or 0 for any that is free\n",
    )  # fmt: skip


def test_a_table_without_tests_has_nothing_to_run(reproduce, tmp_path: Path) -> None:  # noqa: ANN001
    outcome = reproduce("run", "motionformer/table1", "--runs", str(tmp_path))
    assert (outcome.code, outcome.out) == (0, "Nothing to run: every column is computed without a test, or quoted.\n")


def test_eval_only_without_any_weights_starts_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "motionformer/table4", "--eval-only", "--runs", str(tmp_path / "runs")]) == 2
    assert "--eval-only: motionformer/table4:joint.k400 has no weights to test, nor has any" in capsys.readouterr().err
    assert not list((tmp_path / "runs").glob("*/log.txt"))


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_during_an_import_ends_the_process() -> None:
    with ended_by_ctrl_c():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
