"""Processes of the command: what they import, how they end, and what differs between systems.

The command answers at once if it computes nothing. Systems differ in the cores of a process, /proc, and how the
processes that load data start.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch

from experiments.spec.run import RunConfig
from reproduce.command import ended_by_ctrl_c
from runner.machine.resources import BatchSplit, Resources
from runner.training.train import data_module
from tests.data.numbered_videos import write_video
from tests.parity.fixtures import Fixture

ROOT = Path(__file__).resolve().parents[2]
# sympy comes with torch._dynamo
SLOW = {"torch", "triton", "sympy", "numpy", "lightning", "timm", "av", "torchvision", "pytorchvideo", "pandas"}
SLOW |= {"matplotlib", "tensorboard"}
PRINT_MODULES = """
import sys
from reproduce.command import main
try:
    code = max(main(words.split("|")) for words in sys.argv[1:])
except SystemExit as end:
    code = end.code
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
sys.exit(code)
"""
PAPER = ("--scale", "paper")


def imported(*commands: Sequence[str | Path], code: int = 0) -> set[str]:
    """Slow packages that a process imports for some commands, one after the other."""
    command = [sys.executable, "-c", PRINT_MODULES, *("|".join(map(str, words)) for words in commands)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return set(done.stderr.splitlines()[-1].split()) & SLOW


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], ["list"], ["list", "--json"]])
def test_what_describes_the_command_imports_no_array_library(words: list[str]) -> None:
    assert not imported(words)


def test_tables_are_resolved_and_shown_with_torch_alone(tmp_path: Path) -> None:
    table, runs = "motionformer/table1", ("--runs", tmp_path)
    others = [(verb, table, *runs) for verb in ("claims", "report", "plan")]
    assert imported(("show", table), ("status", "*", *runs), *others) == {"torch", "numpy"}


def test_a_figure_that_is_drawn_already_needs_torch_alone(tmp_path: Path) -> None:
    words = ("report", "motionformer/figure3", "--runs", tmp_path)
    assert "matplotlib" in imported(words)
    assert imported(words) == {"torch", "numpy"}


def test_tensorboard_imports_nothing_that_models_need(tmp_path: Path) -> None:
    words = ("tensorboard", "motionformer/table8", "--no-serve", "--runs", tmp_path)
    assert not imported(words) & {"lightning", "timm", "torchvision", "av", "pandas"}


def test_evaluate_imports_torch_and_the_decoder_alone_and_refuses_a_row_without_weights_before(tmp_path: Path) -> None:
    video = write_video(tmp_path / "video.mp4")
    words = ("evaluate", "motionformer/table4:joint", video, "--scale", "tiny", "--workers", "0", "--runs", tmp_path)
    assert imported((*words, "--untrained")) == {"torch", "numpy", "av"}
    assert imported(words, code=2) == {"torch", "numpy"}


def test_released_weights_are_imported_with_torch_alone_and_attention_is_drawn_without_lightning(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mine.pyth"
    torch.save({"model_state": Fixture("motionformer_trajectory").tensors, "cfg": ""}, file)
    sizes = ("width=96", "depth=2", "heads=4")
    overrides = [word for size in sizes for word in ("-o", f"model.{size}")] + ["-o", "data.dataset.num_classes=11"]
    row = ("motionformer/table4:trajectory", "--column", "k400", "--runs", tmp_path, *overrides)
    assert imported(("import-weights", file, "--as", *row)) == {"torch", "numpy"}
    words = (*PAPER, "--out", tmp_path / "picture.png", write_video(tmp_path / "video.mp4"))
    assert imported(("attention", *row, *words)) == {"torch", "numpy", "av", "matplotlib"}


def test_doctor_looks_for_initial_weights_with_torch_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for place in ("PRETRAINED_WEIGHTS", "HF_HOME", "TORCH_HOME"):
        monkeypatch.setenv(place, str(tmp_path / place))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert imported(("doctor", "motionformer/table4", *PAPER), code=3) == {"torch", "numpy"}


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


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_during_an_import_ends_the_process() -> None:
    with ended_by_ctrl_c():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


SMALL = ["data.dataset.stand_in.num_train=32", "data.dataset.stand_in.num_val=8", "optim.batch_size=8", "model.depth=1"]
SMALL += ["evaluation.views=1", "optim.epochs=1"]
ROW = ["motionformer/table4:joint", "--column", "k400", *(word for field in SMALL for word in ("-o", field))]
AS_ON_MACOS = """
import os, sys

def refuse(path):
    if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith("/proc"):
        raise FileNotFoundError(2, "no such file", path)

def hide(event, arguments):
    if event in ("open", "os.listdir", "os.scandir"):
        refuse(arguments[0])

def stat(path, *arguments, found=os.stat, **options):
    refuse(path)
    return found(path, *arguments, **options)

sys.addaudithook(hide)
os.stat = stat
del os.sched_getaffinity
"""
COMMANDS = """
import sys
from reproduce.command import main
sys.exit(max(main([verb, *sys.argv[1:]]) for verb in ("plan", "doctor", "run")))
"""


def test_plan_doctor_and_run_need_neither_proc_nor_the_affinity_of_linux(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(AS_ON_MACOS)  # Python imports it at its start, in children as well
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    words = [*ROW, "--runs", str(tmp_path / "runs")]
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, *words],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{os.cpu_count()} cores of" in done.stdout and "1 of 1 runs done" in done.stdout


@pytest.fixture
def default_start() -> Iterator[None]:
    yield
    multiprocessing.set_start_method(None, force=True)


@pytest.mark.usefixtures("default_start")
def test_batches_do_not_depend_on_how_the_processes_that_load_them_start(small_run: RunConfig) -> None:
    resources = Resources(devices=1, workers=1)
    root, split = resources.root(small_run.data), BatchSplit(micro_batch=5, accumulation=1)
    batches = []
    for method in ("fork", "spawn", "forkserver"):
        multiprocessing.set_start_method(method, force=True)
        loaders = data_module(small_run, resources, root=root, split=split)
        found = [*loaders.train_dataloader(), *(loaders.test_dataloader() if method != "forkserver" else ())]
        loaders.teardown("")
        batches.append([part for batch in found for part in (*batch.inputs, batch.targets, batch.items)])
    first, *others = batches
    assert len(first) > len(others[1]) > 0
    for other in others:
        assert all(ours.equal(theirs) for ours, theirs in zip(first, other, strict=False))
