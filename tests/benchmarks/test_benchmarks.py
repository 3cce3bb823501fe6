import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from benchmarks.__main__ import main
from benchmarks.bench import Bench, Sizes
from benchmarks.cases import CASES, NAMES
from benchmarks.record import read
from benchmarks.table import markdown
from benchmarks.timing import Pair

SMALL = ["--depth", "2", "--width", "32", "--heads", "2", "--frames", "4", "--crop", "64", "--repeats", "2"]
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def pairs_of(bench: Bench, names: list[str]) -> Iterator[Pair]:
    for name in names:
        yield from CASES[name].pairs(bench)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.__main__.pairs_in_isolation", pairs_of)


def small(*words: str) -> int:
    return main([*words, *SMALL, "--device", "cpu"])


def test_comparisons_are_saved_with_their_conditions_and_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "benchmarks.json"
    assert small("selection", "joint", "--clips", "2", "--json", str(file)) == 0
    content = json.loads(file.read_text())
    assert content["versions"]["torch"] and content["hardware"] and content["sizes"]["clips"] == 2
    assert content["threads"] == 1
    assert [pair["name"] for pair in content["pairs"]] == [
        "selection from all candidates",
        "selection from 4 R candidates",
        "joint, forward",
        "joint, training step",
    ]
    assert all(pair["commit"] and pair["date"] and len(pair["ratios"]) == 2 for pair in content["pairs"])
    assert file.with_suffix(".md").read_text() == markdown(read(file))
    streams = capsys.readouterr()
    rows = [line for line in streams.out.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(content["pairs"]) and len({row.count("|") for row in rows}) == 1
    assert "joint, forward, float32: " in streams.err and "100%" in streams.err


@pytest.mark.usefixtures("in_this_process")
def test_without_json_a_new_file_is_created(tmp_path: Path) -> None:
    assert small("selection") == 0
    (file,) = (tmp_path / "runs" / "benchmarks").glob("*.json")
    assert len(read(file).pairs) == 2


def test_an_interrupted_run_keeps_finished_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(bench: Bench, names: list[str]) -> Iterator[Pair]:
        yield next(pairs_of(bench, names))
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmarks.__main__.pairs_in_isolation", interrupted)
    file = tmp_path / "benchmarks.json"
    assert small("selection", "--json", str(file)) == 130
    assert [pair.name for pair in read(file).pairs] == ["selection from all candidates"]


def test_running_out_of_gpu_memory_prints_one_line_and_keeps_finished_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def too_large(bench: Bench, names: list[str]) -> Iterator[Pair]:
        yield next(pairs_of(bench, names))
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("benchmarks.__main__.pairs_in_isolation", too_large)
    assert small("selection", "--clips", "7", "--json", str(tmp_path / "x.json")) == 3
    assert "7 clips do not fit into this GPU; use fewer --clips" in capsys.readouterr().err
    assert len(read(tmp_path / "x.json").pairs) == 1


@pytest.mark.usefixtures("in_this_process")
def test_measuring_again_leaves_the_other_pairs_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.json"
    small("joint", "--json", str(file))
    small("selection", "--json", str(file))
    before = json.loads(file.read_text())["pairs"]
    assert small("joint", "--json", str(file)) == 0
    after = json.loads(file.read_text())["pairs"]
    assert [pair["name"] for pair in after] == [pair["name"] for pair in before]
    assert after[2:] == before[2:] and after[0]["published"] != before[0]["published"]


@pytest.mark.usefixtures("in_this_process")
def test_a_file_of_other_conditions_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "benchmarks.json"
    small("selection", "--json", str(file))
    assert small("selection", "--json", str(file), "--clips", "2") == 2
    assert f"{file} was measured with other sizes; name another file with --json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["trajectories"], 2, "there is no 'trajectories'; did you mean trajectory"),
        (["xyz"], 2, f"there is no 'xyz'; {', '.join(NAMES)}"),
        (["--device", "meta"], 2, "--device meta: choose cpu, cuda or one GPU, e.g. cuda:1"),
        (["--device", "cuda:99"], 3, "--device cuda:99: there are "),
        (["--render", "nowhere.json"], 2, "nowhere.json is not there"),
        (["--repeats", "0"], 2, "--repeats 0: it must be 1 or more"),
        (["--json", "/dev/null/x.json"], 3, "cannot write /dev/null/x.json"),
    ],
)
def test_wrong_arguments_print_one_line(
    words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*SMALL, *words]) == code
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("in_this_process")
def test_render_rewrites_the_table(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.json"
    small("selection", "--json", str(file))
    table = file.with_suffix(".md")
    written = table.read_text()
    table.write_text("stale")
    assert main(["--render", str(file)]) == 0
    assert table.read_text() == written


@pytest.mark.parametrize("file", sorted(RESULTS.glob("*.json")), ids=lambda file: file.stem)
def test_committed_tables_match_the_committed_numbers(file: Path) -> None:
    record = read(file)
    assert file.with_suffix(".md").read_text() == markdown(record)
    assert Sizes(**record.conditions.sizes).are_published
    assert all(not one.commit.endswith("+changes") for one in record.measurements.values())


def test_every_comparison_is_committed_as_measured_on_a_cpu() -> None:
    measured = {pair.name for file in RESULTS.glob("*cpu-2-cores.json") for pair in read(file).pairs}
    assert {name.partition(",")[0].partition(" ")[0] for name in measured} == set(NAMES)
