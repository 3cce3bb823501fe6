"""Pages in docs/: their commands and their Python run as written, on generated videos and small models."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import torch

from data.stand_ins.drawing.kinetics import KineticsDrawing
from data.stand_ins.of_videos import KineticsStandIn
from experiments.spec.catalog import find, load
from reports.pages.table_texts import (
    DASH,
    MODIFIED_SIGN,
    NOT_APPLICABLE,
    OTHER_DATA_SIGN,
    PUBLISHED_SIGN,
    RELEASED_SIGN,
    RUNNING,
)
from reproduce.command import main, parsed
from runner.inference import row_model as rows
from runner.weights.released import released_files
from tests.experiments.motionformer.test_released import authors_tensors

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
RELEASED = "k400_motionformer_224_16x4.pyth"
# Tests replace the paper's model by a narrow one, and its 10 x 3 views by 1 x 2.
SMALL = ["model.width=48", "model.depth=2", "model.heads=4", "evaluation.views=1", "evaluation.crops=2"]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / page).read_text(), flags=re.DOTALL)


def commands(page: str) -> list[list[str]]:
    lines = [line for block in blocks(page, "bash") for line in block.replace("\\\n", "").splitlines()]
    assert all(line.startswith(("reproduce ", "export VIDEO_ROOT=")) for line in lines)
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("reproduce ")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Working directory with the files that the pages name."""
    videos = KineticsDrawing(KineticsStandIn(num_train=20, num_val=1))
    for index, video in enumerate(videos.parts()):
        if video.label < 2 and video.split == "train":
            file = tmp_path / "pets" / ("cats", "dogs")[video.label] / f"{index}.mp4"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(videos.encoded(video))
    for name in ("new-videos/a.mp4", "more-videos/b.mp4", "video.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(videos.encoded(videos.parts()[0]))
    (tmp_path / "pets/cats/readme.txt").write_text("no video")
    (tmp_path / "names.txt").write_text("".join(f"name {number}\n" for number in range(400)))
    torch.save({"model_state": authors_tensors(Path(RELEASED).stem, width=48, depth=2)}, tmp_path / RELEASED)
    return tmp_path


@pytest.mark.parametrize("words", [words for page in PAGES for words in commands(page.name)], ids=" ".join)
def test_commands_are_parsed_and_name_rows(words: list[str]) -> None:
    options = parsed(words)
    names = getattr(options, "tables", None) or [getattr(options, "table", "*")]  # `prepare` has none
    assert "*" in names or find(names)


def test_the_small_model_of_the_page_on_own_videos_is_trained_and_predicts_by_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    outputs = {}
    small = [words for words in commands("own-data.md") if "--fine-tune" not in words and "--own" in words]
    assert [words[0] for words in small] == ["plan", "run", "report", "evaluate"]
    for words in small:
        assert main(words) == 0, capsys.readouterr().err
        outputs[words[0]] = capsys.readouterr().out
    assert "1 to do" in outputs["plan"]
    assert "1 of 1 runs done" in outputs["run"]
    assert "Mformer" in outputs["report"] and "†" in outputs["report"]
    assert re.search(r"a\.mp4: predicted (cats|dogs) \(0\.\d{3}\), (cats|dogs)", outputs["evaluate"])
    (record,) = folder.glob("runs/motionformer.table6b.mformer.top1-*/data.json")
    assert json.loads(record.read_text())["class_names"] == ["cats", "dogs"]


@pytest.mark.slow
@pytest.mark.usefixtures("jobs_in_this_process")
def test_the_model_of_the_page_is_fine_tuned_from_released_weights(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    torch.save({"model_state": authors_tensors(Path(RELEASED).stem, width=768, depth=12)}, folder / RELEASED)
    large = [words for words in commands("own-data.md") if "--fine-tune" in words or words[0] == "import-weights"]
    assert [words[0] for words in large] == ["import-weights", "plan", "run", "evaluate"]
    shorter = ["-o", "optim.epochs=1", "-o", "evaluation.views=1", "-o", "evaluation.crops=1"]
    outputs = {}
    for words in large:
        assert main([*words, *(shorter if "--fine-tune" in words else [])]) == 0, capsys.readouterr().err
        outputs[words[0]] = capsys.readouterr().out
    assert "2 of 2 runs done, 1 of them before this call" in outputs["run"]  # the one before has the released weights
    assert re.search(r"a\.mp4: predicted (cats|dogs) \(0\.\d{3}\)", outputs["evaluate"])
    (started_from,) = folder.glob("runs/*/started_from.json")
    assert RELEASED in started_from.read_text()


def test_the_python_of_the_page_names_the_best_classes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    code, _ = blocks("python.md", "python")
    assert len(code.splitlines()) == 3
    real = rows.row_model
    monkeypatch.setattr(rows, "row_model", lambda *args, **options: real(*args, **options, overrides=SMALL))
    exec(code, names := {})
    row = names["row"]
    out = capsys.readouterr().out
    assert (
        "inputs: clips (B, 16, 3, 224, 224): batch, frames, RGB, height, width; float32, (x / 255 - 0.5) / 0.5" in out
    )
    assert "outputs: logits (B, 400)" in out and RELEASED in out
    assert all(re.fullmatch(r"[a-z][\w '(),/-]+ \(0\.\d{3}\)", line) for line in out.splitlines()[-5:])
    clips = row.inputs("video.mp4")
    assert [tuple(part.shape) for part in clips] == [(2, 16, 3, 224, 224)]
    assert row.model(*clips).shape == (2, 400)


def test_evaluate_of_the_page_names_classes_from_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    (words,) = [words for words in commands("python.md") if words[0] == "evaluate"]
    small = [word for override in SMALL for word in ("-o", override)]
    assert main([*words, *small]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if ".mp4: predicted" in line]
    assert len(lines) == 2 and all(line.count("name ") == 5 for line in lines)


def test_code_in_python_needs_90_columns_and_text_125() -> None:
    for page in PAGES:
        code = [
            line
            for language in ("python", "bash")
            for block in blocks(page.name, language)
            for line in block.split("\n")
        ]
        limit = 90 if page.name == "python.md" else 125
        assert all(len(line) <= limit for line in code), page.name
        text = [line for line in page.read_text().splitlines() if not line.startswith("|")]
        assert all(len(line) <= 125 for line in text), page.name


def test_every_mark_of_a_report_is_explained() -> None:
    page = (ROOT / "docs/reading-reports.md").read_text()
    signs = (MODIFIED_SIGN, RELEASED_SIGN, PUBLISHED_SIGN, OTHER_DATA_SIGN)
    for mark in (DASH, NOT_APPLICABLE, RUNNING, *signs, "**bold**", "<ins>underlined</ins>", "*italic*"):
        assert f"\n| {mark} | " in page


def test_links_point_to_existing_files() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def model_lines() -> list[str]:
    """Table of docs/models.md: released files, their rows, and the printed value of their cells."""
    lines = ["| paper | file | row (column) | printed |", "|---|---|---|---|"]
    for file in released_files(["*"]):
        entry, (table, _, key) = file.entry, file.entry.row.partition(":")
        row, columns = load(table).find_row(key), [column.key for column in load(table).columns]
        printed, link = row.paper[columns.index(entry.column)], f"[{file.file_name}]({file.url})"
        lines.append(f"| {table.partition('/')[0]} | {link} | `{entry.row}` ({entry.column}) | {printed} |")
    return lines


def test_table_of_models_is_that_of_the_released_files() -> None:
    shown = [line for line in (ROOT / "docs/models.md").read_text().splitlines() if line.startswith("|")]
    assert shown == model_lines()


@pytest.mark.slow
def test_the_run_lines_of_the_dockerfile_set_up_a_fresh_clone(tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(tmp_path / "clone")], check=True)
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    for line in re.findall(r"^RUN (.*)$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE):
        subprocess.run(line, shell=True, cwd=tmp_path / "clone", env=environment, check=True)
