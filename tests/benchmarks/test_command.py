"""`python -m benchmarks`: files, pages and exit codes; equal pixels of libraries, clips of recipes, steps on a GPU."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import pipeline, released_pipelines
from benchmarks.__main__ import CASES, main
from benchmarks.compare import Comparison, Sizes
from benchmarks.gpu import run, steps
from tests.data.numbered_videos import B_FRAMES, write_video

SMALL = ["--depth", "2", "--width", "32", "--heads", "2", "--frames", "4", "--crop", "64", "--repeats", "2"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def small(*words: str) -> int:
    return main([*words, *SMALL, "--device", "cpu"])


def pairs_in(file: Path) -> list[dict]:
    return json.loads(file.read_text())["pairs"]


def test_comparisons_are_saved_with_their_conditions_and_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "benchmarks.json"
    assert small("selection", "joint", "--clips", "2", "--json", str(file)) == 0
    content = json.loads(file.read_text())
    assert content["versions"]["torch"] and content["hardware"] and content["sizes"]["clips"] == 2
    assert content["threads"] == 1
    names = [pair["name"] for pair in content["pairs"]]
    assert names == [
        "selection from all candidates",
        "selection from 4 R candidates",
        "joint, forward",
        "joint, training step",
    ]
    assert all(pair["commit"] and pair["date"] and len(pair["ours"]) == 2 for pair in content["pairs"])
    streams = capsys.readouterr()
    page = file.with_suffix(".md").read_text()
    assert streams.out.strip() in page and content["hardware"] in page
    rows = [line for line in streams.out.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(names) and len({row.count("|") for row in rows}) == 1
    assert "aim" not in rows[0] and "bound" in rows[0]
    assert "joint, forward, float32: " in streams.err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "1 pairs saved"),
        (torch.OutOfMemoryError("CUDA out of memory"), 3, "1 clips do not fit into this GPU; use fewer --clips"),
    ],
)
def test_a_run_that_stops_keeps_finished_pairs(
    error: BaseException, code: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    selections = CASES["selection"]

    def stopped(sizes: Sizes, device: torch.device) -> Iterator[Comparison]:
        yield next(iter(selections(sizes, device)))
        raise error

    monkeypatch.setitem(CASES, "selection", stopped)
    file = Path("benchmarks.json")
    assert small("selection", "--json", str(file)) == code
    assert [pair["name"] for pair in pairs_in(file)] == ["selection from all candidates"]
    assert message in capsys.readouterr().err


def test_measuring_again_replaces_a_pair_of_a_file_of_the_same_conditions_and_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert small("joint") == 0
    (file,) = (tmp_path / "runs" / "benchmarks").glob("*.json")  # without --json, a new file
    small("selection", "--json", str(file))
    before = pairs_in(file)
    assert small("joint", "--json", str(file)) == 0
    after = pairs_in(file)
    assert [pair["name"] for pair in after] == [pair["name"] for pair in before] and len(after) == 4
    assert after[2:] == before[2:] and after[0]["published"] != before[0]["published"]
    assert small("selection", "--json", str(file), "--clips", "2") == 2
    assert f"{file} was measured with other sizes; name another file with --json" in capsys.readouterr().err
    file.write_text(file.read_text().replace('"commit"', '"revision"'))
    assert small("selection", "--json", str(file)) == 2
    assert f"{file} was written by an earlier version" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    ["xyz", "--device meta", "--device cuda:99", "--device cuda", "--repeats 0", "--threads 0", "--json /dev/null/x"],
)
def test_wrong_arguments_print_what_is_wrong(
    line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    words = line.split()
    try:
        code = main([*SMALL, *words])
    except SystemExit as end:
        code = end.code
    assert code == (3 if words[0] == "--json" else 2)
    assert words[-1] in capsys.readouterr().err


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_on_a_gpu_every_comparison_is_measured_in_both_precisions_with_its_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gpu.json"
    sizes = ["--depth", "2", "--width", "384", "--heads", "12", "--frames", "8", "--crop", "112", "--repeats", "2"]
    assert main([*sizes, "--device", "cuda", "--json", str(file)]) == 0
    pairs = pairs_in(file)
    assert {pair["precision"] for pair in pairs} == {"float32", "bfloat16"}
    assert all(all(pair["memory"]) for pair in pairs)
    for pair in pairs:
        assert (pair["difference"] or 0) < (1e-3 if pair["precision"] == "float32" else 0.1)
    header = capsys.readouterr().out.splitlines()[0]
    assert all(column in header for column in ("memory, GB", "clips/s", "bound"))


@pytest.mark.parametrize("name", ["reading", "pipeline"])
def test_a_missing_video_is_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, str(tmp_path / "no.mp4")]) == 3
    assert "no.mp4" in capsys.readouterr().err.splitlines()[-1]


def test_libraries_are_timed_on_the_same_pixels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = write_video(tmp_path / "a.mp4", 80, options=B_FRAMES)
    page = tmp_path / "page.md"
    assert main(["reading", str(video), "--save", str(page)]) == 0
    lines = [line.split("|") for line in page.read_text().splitlines() if line.startswith("| a.mp4, h264, 128 x 48")]
    assert [(line[2].strip(), line[-2].strip()) for line in lines] == [("8 x 8", "0"), ("16 x 4", "0"), ("32 x 2", "0")]
    assert all(" (1.0)" in line[3] for line in lines)


def test_clips_of_the_recipes_are_timed_from_all_copies(tmp_path: Path) -> None:
    copies = pipeline.copies(write_video(tmp_path / "a.mp4", 80, options=B_FRAMES), tmp_path)
    assert list(copies) == ["128 x 48", "1280 x 720"]
    for recipe in pipeline.RECIPES:
        assert pipeline.timed(recipe, str(copies["128 x 48"].prepared), epoch=0) > 0, recipe


@pytest.mark.parametrize("recipe", pipeline.RECIPES)
def test_the_released_operations_give_a_normalised_clip(recipe: str) -> None:
    frames, _, operations = released_pipelines.PIPELINES[recipe]
    video = np.random.default_rng(0).integers(0, 256, (frames, 256, 340, 3), np.uint8)
    for _ in range(3):
        clip = operations(video)
        assert clip.shape == (frames, 3, 224, 224) and clip.dtype == torch.float32
        assert clip.abs().max() < 5


def test_all_tests_on_gpus_measured_tables_and_comparisons_are_steps(tmp_path: Path) -> None:
    names = steps(tmp_path)
    assert {"tests/models/test_gpu.py", "measure motionformer/table3a:exact", "measure xvit/table1"} <= names.keys()
    assert "compare trajectory" in names and not any(name.startswith("measure xvit/table1:") for name in names)
    assert names["measure msca/table1"][-2:] == ("--runs", str(tmp_path))


def test_steps_that_fail_or_last_too_long_are_named_and_run_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    record, made, marker = tmp_path / "done.json", tmp_path / "made", tmp_path / "marker"
    todo = {
        "first": ("-c", "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('x')", str(made)),
        "second": ("-c", "import sys, pathlib; sys.exit(not pathlib.Path(sys.argv[1]).exists())", str(marker)),
        "third": ("-c", "import time; time.sleep(60)"),
    }
    assert run(todo, record, seconds=3) == 1
    error = capfd.readouterr().err
    assert "second: exit code 1" in error and "third: it did not end within 3 s" in error
    assert made.exists() and json.loads(record.read_text()).keys() == {"first"}
    made.unlink()
    marker.touch()
    assert run({**todo, "third": ("-c", "")}, record) == 0
    assert "1 of 3 steps are done" in capfd.readouterr().out and not made.exists()
