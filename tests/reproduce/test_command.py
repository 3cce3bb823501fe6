"""Command line: user errors are one line with cause and remedy and the right exit code, and nothing is written."""

import importlib
import json
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
from reproduce.command import ended_by_ctrl_c, parsed
from reproduce.options import VERBS, Options
from reproduce.selection import NOTHING_TO_RUN
from reproduce.verbs import list as list_verb
from runner.machine.files import StoreError, write_atomically
from runner.store.jobs import jobs_of
from runner.store.store import RunStore
from tests.reproduce.conftest import Reproduce

ROOT = Path(__file__).resolve().parents[2]
T4 = "motionformer/table4"
ROW = f"{T4}:joint"
QUOTED = "motionformer/table6b:i3d"
EVALUATE = ["evaluate", ROW, "--scale", "tiny", "-o", "data.dataset.num_classes=400", "-o", "evaluation.views=1"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["repot", T4], 2, "unknown verb 'repot'; did you mean 'report'?"),
        (["show", "motionformer/table44"], 2, "unknown table 'motionformer/table44'; did you mean motionformer/table4"),
        (["show", T4, "--sale", "tiny"], 2, "--sale"),
        (["show", T4, "--scale", "tny"], 2, "unknown scale 'tny'; did you mean 'tiny'?"),
        (["show", T4, "--seeds", "0;1"], 2, "--seeds: '0;1': write whole numbers with commas"),
        (["show", T4, "--seeds", "1,1"], 2, "names a seed twice"),
        (["plan", T4, "-o", "optim.lr=1", "-o", "optim.lr=2"], 2, "-o optim.lr=1 and -o optim.lr=2 change the same"),
        (["plan", T4, "-o", "optim.epoch=3"], 2, "no field 'epoch'; did you mean 'epochs'?"),
        (["plan", T4, "-o", "optim.epochs=many"], 2, "expected int or None, e.g. optim.epochs=15"),
        (["show", ROW, "-o", "optim.epochs=0"], 2, "optim.epochs is 0; it must be 1 or more"),
        (["show", ROW, "-o", "optim.schedule.warmup_epochs=100"], 2, "optim.schedule.warmup_epochs is 100"),
        (["show", ROW, "-o", "objective.label_smoothing=2"], 2, "label_smoothing is 2.0; it must be between 0 and 1"),
        (["show", ROW, "-o", "model.tokens.tubelet=-2"], 2, "model.tokens.tubelet is -2; it must be 1 or more"),
        (["show", ROW, "-o", "model.drop_path=-0.1"], 2, "drop_path is -0.1; it must be 0 or more and below 1"),
        (["show", ROW, "-o", "model.mlp_ratio=1e999"], 2, "numbers are finite and at most 2,147,483,647"),
        (["show", ROW, "-o", "data.std=0"], 2, "data.std is 0.0; it must be more than 0"),
        (["show", ROW, "-o", "data.augmentation.flip=2"], 2, "augmentation.flip is 2.0; it must be between 0 and 1"),
        (["show", ROW, "-o", "data.dataset.stand_in.width=51"], 2, "stand_in.width is 51; it must be even"),
        (["show", ROW, "-o", "data.dataset.name=../other"], 2, "name is '../other'; it is the name of a folder"),
        (["run", ROW, "-o", "data.std=0"], 2, "data.std is 0.0; it must be more than 0"),
        (["plan", T4, "--workers", "-1"], 2, "--workers: -1: it must be 0 or more"),
        (["plan", ROW, "--own", ""], 2, "--own: names no folder"),
        (["plan", ROW, "--own", "/a", "--own", "/b"], 2, "--own /a and --own /b change the same field; leave one"),
        (["run", T4, "--jobs", "0"], 2, "--jobs: 0: it must be 1 or more"),
        (["run", T4, "--devices", "3"], 2, "cannot be split over 3 devices; use one of 1, 2, 4"),
        (["run", T4, "--micro-batch", "5"], 2, "cannot be split; use one of 1, 2, 4"),
        (["run", T4, "--data", "k400"], 2, "write it as NAME=PATH"),
        (["run", T4, "--scale", "paper"], 3, "where is kinetics400? name its folder with --data kinetics400=PATH"),
        (["run", T4, "--scale", "paper", "--data", "kinetics400=nowhere"], 3, "nowhere does not exist"),
        (["run", ROW, "--eval-only"], 2, "--eval-only: motionformer/table4:joint.k400 has no weights to test, nor has"),
        (["run", ROW, "--eval-only", "--scale", "paper"], 2, f"`reproduce run {ROW} --scale paper --released`: https://"),
        (["plan", ROW, "--data", "ssv3=/data"], 2, "--data ssv3: no run reads 'ssv3'; they read stand-ins only; real "
         "data sets are for --scale small or paper"),
        (["list", "--scale", "tny"], 2, "unknown scale 'tny'; choose one of tiny, small, paper"),
        (["status", "--seeds", "1"], 2, "status of some changed runs, or of other seeds, needs the name of"),
        (["report", ROW, "--publish"], 2, "--publish takes whole tables as committed; name no rows, columns and"),
        (["report", ROW, "--plot"], 2, "--plot draws beside saved reports, of whole tables"),
        (["doctor", "--own", "/a"], 2, "--own is about the runs of tables; name one as paper/table"),
        (["measure", "motionformer/table8"], 2, "motionformer/table8: no column is measured on a device"),
        (["measure", "motionformer/table3a", "--workers", "2"], 2, "workers goes with --reading: measured columns"),
        (["status", T4, "--runs", ""], 2, "argument --runs: names no file; '.' is the working directory"),
        (["report", T4, "--format", "csv", "--json"], 2, "--json beside --format csv; name one"),
        (["report", T4, "--check", "-o", "optim.epochs=3"], 2, "--check takes whole tables as committed"),
        (["report", "motionformer/figure3", "--check", "--picture", "a.png"], 2, "leave --picture, --plot and"),
        (["report", "motionformer/figure3", "--picture", "maps.xyz"], 2, "does not end in .png"),
        (["report", T4, "--picture", "a.png"], 2, "name one table with a figure; --plot draws the others"),
        (["attention", ROW, "--out", "none/maps.png"], 2, "there is no folder none"),
        (["tensorboard", T4, "--port", "99999"], 2, "--port: 99999: it must be from 0 to 65535"),
        (["import-weights", "k.pyth", "--as", ROW, "--seeds", "0,1"], 2, "0,1: import-weights takes one run, so name"),
        (["import-weights", "k.pyth", "--as", QUOTED], 2, "is quoted from another paper: it has no run"),
        (["evaluate", T4, "a.mp4"], 2, "'motionformer/table4' is not one row; name it as paper/table:row"),
        (["evaluate", "motionformer/table1:motionformer", "a.mp4"], 2, "has no run: no column is tested"),
        (["evaluate", ROW, "a.mp4", "--column", "gflops"], 2, "it has k400, ssv2"),
        (["evaluate", ROW, ""], 2, "VIDEO: names no file"),
        (["evaluate", ROW, "a.mp4", "--weights", "w.pth", "--untrained"], 2, "--untrained"),
        (["evaluate", ROW, "a.mp4", "--devices", "3"], 2, "unrecognized arguments: --devices 3"),
        (["attention", ROW, "--out", "a.png", "--workers=1"], 2, "unrecognized arguments: --workers=1"),
        (["evaluate", ROW, "a.mp4", "--scale", "tiny"], 2, "or name a file with --weights FILE"),
        (["evaluate", ROW, "a.mp4", "--weights", "."], 3, "weights: . is a folder; name a file in it"),
        (["evaluate", ROW, "--list", "none.csv", "--untrained"], 3, "--list none.csv: there is no such file"),
    ],
)  # fmt: skip
def test_user_errors_are_one_line_with_a_remedy(
    reproduce: Reproduce, tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    outcome = reproduce(*words)
    (line,) = outcome.err.splitlines()
    assert message in line and outcome.code == code
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_smallest_values_none_and_fields_that_depend_on_each_other_are_accepted(reproduce: Reproduce) -> None:
    assert reproduce("show", ROW, "-o", "model.drop_path=0", "-o", "model.depth=1").code == 0
    assert reproduce("show", ROW, "--scale", "paper", "-o", "model.init=None").code == 0
    long = ["-o", "optim.schedule.warmup_epochs=100", "-o", "optim.epochs=100"]
    assert reproduce("show", ROW, *long).code == reproduce("show", ROW, *long[2:], *long[:2]).code == 0


def test_a_long_error_is_shortened(reproduce: Reproduce) -> None:
    for words in (["show", "x" * 20_000], ["show", ROW, "-o", f"model.depth={'9' * 5000}"], ["y" * 20_000]):
        (line,) = reproduce(*words).err.splitlines()
        assert line.startswith("reproduce: ") and " … " in line and len(line) < 1100


def test_run_rejects_an_unwritable_run_store(reproduce: Reproduce, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    outcome = reproduce("run", T4, "--runs", tmp_path / "file" / "runs")
    assert outcome.code == 3 and f"cannot write {tmp_path}" in outcome.err and "--runs" in outcome.err


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
    reproduce: Reproduce, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, text: str
) -> None:
    def fails(options: Options) -> int:
        raise error

    monkeypatch.setattr(list_verb, "execute", fails)
    assert reproduce("list") == (code, "", text)


def test_debug_shows_the_traceback_and_unexpected_exceptions_are_not_caught(
    reproduce: Reproduce, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="unknown table"):
        reproduce("show", "motionformer/table44", "--debug")
    monkeypatch.setattr(list_verb, "execute", lambda options: {}["bug"])
    with pytest.raises(KeyError):
        reproduce("list")


def test_every_verb_has_a_module() -> None:
    assert set(VERBS) == {
        "list", "show", "plan", "doctor", "run", "submit", "status", "report", "tensorboard", "import-weights",
        "measure", "attention", "evaluate", "claims", "prepare", "diff", "runs list", "runs rm", "runs export",
        "runs import",
    }  # fmt: skip
    for module in {kind.module or verb.partition(" ")[0] for verb, kind in VERBS.items()}:
        assert callable(importlib.import_module(f"reproduce.verbs.{module}").execute)


def test_default_scale_is_paper_where_the_paper_s_own_size_is_meant() -> None:
    scales = {verb: scale for verb, kind in VERBS.items() if (scale := getattr(kind, "scale", None))}
    of_papers = {verb for verb, scale in scales.items() if scale == "paper"}
    assert of_papers == {"import-weights", "evaluate", "measure", "diff"}
    of_folders = {verb for verb in VERBS if verb.startswith("runs ")}
    assert set(scales.values()) == {"paper", "tiny"} and VERBS.keys() - scales == {"prepare"} | of_folders


def test_help_has_the_verbs_in_a_group_and_the_version_names_the_commit_and_pytorch(reproduce: Reproduce) -> None:
    whole = reproduce("--help")
    assert whole.code == 0 and re.search(r"\nverbs:\n  VERB\n    list  +Every table and figure by name", whole.out)
    assert "--deep" in reproduce("doctor", "--help").out
    version = reproduce("--version")
    assert version.code == 0
    assert re.fullmatch(r"reproduce \d+\.\d+\.\d+, commit \S+, Python 3\.\S+, torch \S+\n", version.out)


def test_a_closed_pipe_is_not_an_error() -> None:
    command = [sys.executable, "-m", "reproduce", "list"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait() == 0


def test_what_was_printed_before_an_error_is_not_lost() -> None:
    code = "from reproduce import command; command.main = lambda: print('kept') or 3; command.command()"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (3, "kept\n")


@pytest.mark.parametrize(
    "module", ["reproduce.command", "runner.inference.row_model", "runner.jobs.run_process", "benchmarks.__main__"]
)
def test_entry_points_disable_the_native_jit_of_torch_before_they_import_it(module: str) -> None:
    code = (
        "import importlib, os, sys\n"
        "class Watch:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'torch':\n"
        "            os._exit(os.environ.get('TORCH_DISABLE_NATIVE_JIT') != '1')\n"
        "sys.meta_path.insert(0, Watch())\n"
        f"importlib.import_module({module!r})\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TORCH_DISABLE_NATIVE_JIT"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)


def test_a_directory_of_runs_that_does_not_exist_is_named(reproduce: Reproduce, tmp_path: Path) -> None:
    note = f"note: --runs {tmp_path}/none does not exist, so there are no runs in it\n"
    assert note in reproduce("status", ROW, "--runs", f"{tmp_path}/none").err
    assert note not in reproduce("status", ROW, "--runs", tmp_path).err


def test_evaluate_names_the_scale_at_which_a_row_has_weights(reproduce: Reproduce, tmp_path: Path) -> None:
    (run,) = (job.run for job in jobs_of(find([ROW]), TINY, [], (0,)) if job.cell.endswith(".k400"))
    write_atomically(RunStore(tmp_path).run(run.train_id).weights, "trained")
    outcome = reproduce("evaluate", ROW, "a.mp4", "--runs", tmp_path)
    assert outcome.code == 2 and "; or add --scale tiny, at which this row has weights; or name a file" in outcome.err


def test_weights_at_another_scale_do_not_matter_to_a_row_with_weights(reproduce: Reproduce, tmp_path: Path) -> None:
    few = ["-o", "data.dataset.stand_in.num_train=64"]  # of tiny alone
    words = ["evaluate", ROW, "--column", "k400", "--scale", "tiny", *few, "--runs", tmp_path, "a.mp4"]
    assert "has no weights at --scale tiny" in reproduce(*words).err
    run = next(job.run for job in jobs_of(find([ROW]), TINY, few[1:], (0,)) if job.cell.endswith(".k400"))
    write_atomically(RunStore(tmp_path).run(run.train_id).weights, "trained")
    assert "cut short or damaged" in reproduce(*words).err  # the weights are read
    (tmp_path / "damaged.pyth").write_text("trained")
    for weights in ((), ("--weights", tmp_path / "damaged.pyth")):
        assert reproduce(*words, *weights).code == 3


def test_a_row_without_weights_is_refused_with_the_command_that_trains_it(reproduce: Reproduce, tmp_path: Path) -> None:
    outcome = reproduce("attention", ROW, "--runs", tmp_path, "--out", "a.png", "-o", "optim.epochs=3")
    train = f"train it with `reproduce run {ROW} -o optim.epochs=3 --runs {tmp_path} --column k400`"
    assert outcome.code == 2 and outcome.err.endswith(f"{train}\n") and "import" not in outcome.err


def test_a_port_in_use_is_refused(reproduce: Reproduce) -> None:
    with socket.socket() as other:
        other.bind(("localhost", 0))
        other.listen()
        port = other.getsockname()[1]
        outcome = reproduce("tensorboard", ROW, "--port", str(port))
    assert (outcome.code, outcome.err) == (
        3, f"reproduce: --port {port}: Address already in use; name another one, or 0 for any that is free\n",
    )  # fmt: skip


@pytest.mark.parametrize("verb", ["plan", "run", "status"])
def test_a_table_without_tests_has_nothing_to_run(reproduce: Reproduce, verb: str) -> None:
    outcome = reproduce(verb, "motionformer/table1")
    assert (outcome.code, outcome.out) == (0, f"{NOTHING_TO_RUN}\n")


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_during_an_import_ends_the_process() -> None:
    with ended_by_ctrl_c():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_evaluate_prints_only_its_json_to_stdout(reproduce: Reproduce, clips: Path, tmp_path: Path) -> None:
    (tmp_path / "videos.csv").write_text(f"{clips / 'test.mp4'} 0\n")
    answer = json.loads(reproduce(*EVALUATE, "--untrained", "--json", "--list", "videos.csv").out)
    assert answer["evaluated"] == 1
    assert (answer["row"], answer["column"], answer["scale"], answer["seed"]) == (ROW, "k400", "tiny", 0)
    assert answer["overrides"] == ["data.dataset.num_classes=400", "evaluation.views=1"]
    (planned,) = jobs_of(find([ROW]), TINY, answer["overrides"], (0,), ["k400"])
    assert (answer["train_id"], answer["eval_id"]) == (planned.run.train_id, planned.run.eval_id)


def test_options_are_parsed_to_their_types() -> None:
    words = ["--seeds", "2,0", "--column", "k400,ssv2", "--data", "a=/a", "--own", "/b", "--runs", "r"]
    options = vars(parsed(["plan", T4, *words]))
    assert {name: options[name] for name in ("tables", "seeds", "columns", "data", "overrides", "runs", "nodes")} == {
        "tables": (T4,), "seeds": (2, 0), "columns": ("k400", "ssv2"), "data": (("a", Path("/a")),),
        "overrides": ("data=/b",), "runs": Path("r"), "nodes": 1,
    }  # fmt: skip


@pytest.mark.parametrize("option", ["--dependency=afterok:7", "-d afterok:7", "--time=9 --depend afterok:7"])
def test_a_dependency_that_ours_would_replace_is_refused(reproduce: Reproduce, option: str) -> None:
    refused = reproduce("submit", T4, f"--sbatch={option}")
    assert refused.code == 2 and "hold them" in refused.err
    accepted = ("--deadline=now+7days", "--distribution=block")
    assert parsed(["submit", T4, *(f"--sbatch={one}" for one in accepted)]).sbatch == accepted  # type: ignore[attr-defined]
