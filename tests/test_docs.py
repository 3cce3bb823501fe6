"""README, CONTRIBUTING and the pages in docs/: their commands, Python, diffs and tables are those of the code."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from data.stand_ins.drawing.kinetics import KineticsDrawing
from data.stand_ins.of_videos import KineticsStandIn
from experiments.spec.catalog import captions, find, load
from reports import index
from reports.pages.table_texts import (
    DASH,
    MODIFIED_SIGN,
    NOT_APPLICABLE,
    OTHER_DATA_SIGN,
    PUBLISHED_SIGN,
    RELEASED_SIGN,
    RUNNING,
)
from reproduce.command import parsed
from runner.inference import row_model as rows
from runner.weights.released import released_files
from tests.conftest import Output
from tests.experiments.motionformer.test_released import authors_tensors
from tests.test_architecture import PACKAGES, ROOT

README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
READ_ONLY = ("list", "show", "plan", "status", "claims")
RELEASED = "k400_motionformer_224_16x4.pyth"
# Tests replace the paper's model by a narrow one, and its 10 x 3 views by 1 x 2.
SMALL = ["model.width=48", "model.depth=2", "model.heads=4", "evaluation.views=1", "evaluation.crops=2"]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """Words of each command of a page. Its other lines set up a shell."""
    known = r"reproduce |export VIDEO_ROOT=" + (r"|make |source \.venv/bin/activate|$" if page == README else "")
    lines = [line for block in blocks(page.read_text(), "bash") for line in block.replace("\\\n", "").splitlines()]
    assert not [line for line in lines if not re.match(known, line)]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("reproduce ")]


def commands_of_own_data(*, large: bool) -> list[list[str]]:
    """Commands of the page on own videos: those of its small model, or those of its fine-tuned one."""
    found = commands(ROOT / "docs/own-data.md")
    if large:
        return [words for words in found if "--fine-tune" in words or words[0] == "import-weights"]
    return [words for words in found if "--own" in words and "--fine-tune" not in words]


@pytest.mark.parametrize("page", [README, CONTRIBUTING, *PAGES], ids=lambda page: page.name)
def test_links_point_to_existing_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
        assert re.match("https?://", target) or (page.parent / target).exists(), target


@pytest.mark.parametrize("words", [words for page in (README, *PAGES) for words in commands(page)], ids=" ".join)
def test_commands_are_parsed_and_name_rows(words: list[str]) -> None:
    options = parsed(words)
    names = getattr(options, "tables", None) or [getattr(options, "table", None) or "*"]  # some verbs take no table
    assert "*" in names or find(names)


@pytest.mark.parametrize("words", [words for words in commands(README) if words[0] in READ_ONLY], ids=" ".join)
def test_read_only_commands_succeed(words: list[str], output: Output) -> None:
    assert output(*words)


def test_the_readme_is_short_and_shows_every_verb_and_existing_targets() -> None:
    assert len(README.read_text().splitlines()) < 120
    assert {words[0] for words in commands(README)} >= {
        "list", "show", "doctor", "plan", "run", "submit", "status", "report", "tensorboard", "evaluate", "attention",
    }  # fmt: skip
    used = set(re.findall(r"make ([a-z]+)", README.read_text()))
    assert used and used <= set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def test_tables_and_counts_of_the_readme_are_those_of_the_reports_and_of_the_fixtures() -> None:
    text = README.read_text()
    (shown,) = re.findall(r"(\| Attention .*?)\n\n", text, flags=re.DOTALL)
    assert shown in (ROOT / "reports/tables/motionformer/table4.paper.md").read_text()
    lines = [line for (_, scale), line in index.read().items() if scale == "paper"]
    counted, as_printed, tests, tested = (
        sum(getattr(line, name) for line in lines) for name in ("counted", "as_printed", "tests", "tested")
    )
    assert f"**{as_printed} of {counted}** printed numbers" in text
    assert f"**{tested} of {tests}** cells that need a test" in text
    fixtures = [len(list((ROOT / "tests/parity" / folder).glob("*.json"))) for folder in (".", "training")]
    assert re.findall(r"In \*\*(\d+)\*\* settings.*\*\*(\d+)\*\* whole", text) == [(*map(str, fixtures),)]


@pytest.mark.parametrize("paper", sorted({name.partition("/")[0] for name in captions()}))
def test_committed_reports_agree_with_the_committed_results(paper: str, output: Output) -> None:
    output("report", f"{paper}/*", "--check")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Working directory with the files that the pages name."""
    videos = KineticsDrawing(KineticsStandIn(num_train=20, num_val=1))
    for number, video in enumerate(videos.parts()):
        if video.label < 2 and video.split == "train":
            file = tmp_path / "pets" / ("cats", "dogs")[video.label] / f"{number}.mp4"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(videos.encoded(video))
    for name in ("new-videos/a.mp4", "more-videos/b.mp4", "video.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(videos.encoded(videos.parts()[0]))
    (tmp_path / "pets/cats/readme.txt").write_text("no video")
    (tmp_path / "names.txt").write_text("".join(f"name {number}\n" for number in range(400)))
    torch.save({"model_state": authors_tensors(Path(RELEASED).stem, width=48, depth=2)}, tmp_path / RELEASED)
    return tmp_path


def test_the_small_model_of_the_page_on_own_videos_is_trained_and_predicts_by_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, output: Output
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    found = {words[0]: output(*words) for words in commands_of_own_data(large=False)}
    assert list(found) == ["plan", "run", "report", "evaluate"]
    assert "1 to do" in found["plan"]
    assert "1 of 1 runs done" in found["run"]
    assert "Mformer" in found["report"] and "†" in found["report"]
    assert re.search(r"a\.mp4: predicted (cats|dogs) \(0\.\d{3}\), (cats|dogs)", found["evaluate"])
    (record,) = folder.glob("runs/motionformer.table6b.mformer.top1-*/data.json")
    assert json.loads(record.read_text())["class_names"] == ["cats", "dogs"]


@pytest.mark.slow
@pytest.mark.usefixtures("jobs_in_this_process")
def test_the_model_of_the_page_is_fine_tuned_from_released_weights(folder: Path, output: Output) -> None:
    torch.save({"model_state": authors_tensors(Path(RELEASED).stem, width=768, depth=12)}, folder / RELEASED)
    shorter = ["-o", "optim.epochs=1", "-o", "evaluation.views=1", "-o", "evaluation.crops=1"]
    large = commands_of_own_data(large=True)
    found = {words[0]: output(*words, *(shorter if "--fine-tune" in words else [])) for words in large}
    assert list(found) == ["import-weights", "plan", "run", "evaluate"]
    assert "2 of 2 runs done, 1 of them before this call" in found["run"]  # the one before has the released weights
    assert re.search(r"a\.mp4: predicted (cats|dogs) \(0\.\d{3}\)", found["evaluate"])
    (started_from,) = folder.glob("runs/*/started_from.json")
    assert RELEASED in started_from.read_text()


def test_the_python_of_the_page_names_the_best_classes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    code, _ = blocks((ROOT / "docs/python.md").read_text(), "python")
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


@pytest.mark.usefixtures("folder")
def test_evaluate_of_the_page_names_classes_from_a_file(output: Output) -> None:
    (words,) = [words for words in commands(ROOT / "docs/python.md") if words[0] == "evaluate"]
    small = [word for override in SMALL for word in ("-o", override)]
    out = output(*words, *small)
    lines = [line for line in out.splitlines() if ".mp4: predicted" in line]
    assert len(lines) == 2 and all(line.count("name ") == 5 for line in lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_in_python_needs_90_columns_and_text_125(page: Path) -> None:
    text = page.read_text()
    code = "\n".join([*blocks(text, "python"), *blocks(text, "bash")]).split("\n")
    assert all(len(line) <= (90 if page.name == "python.md" else 125) for line in code)
    assert all(len(line) <= 125 for line in text.splitlines() if not line.startswith("|"))


def test_every_mark_of_a_report_is_explained() -> None:
    page = (ROOT / "docs/reading-reports.md").read_text()
    signs = (MODIFIED_SIGN, RELEASED_SIGN, PUBLISHED_SIGN, OTHER_DATA_SIGN)
    for mark in (DASH, NOT_APPLICABLE, RUNNING, *signs, "**bold**", "<ins>underlined</ins>", "*italic*"):
        assert f"\n| {mark} | " in page


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


SECTIONS = {part.partition("\n")[0]: part for part in CONTRIBUTING.read_text().split("\n## ")[1:]}


def test_every_section_has_its_diffs() -> None:
    with_diffs = [(title, bool(blocks(part, "diff"))) for title, part in SECTIONS.items()]
    of_code = [(title, True) for title in ("A row", "A table", "A claim", "A model", "A data set")]
    assert with_diffs == [("A result", False), *of_code, ("A paper", False)]


@pytest.mark.parametrize("title", SECTIONS)
def test_diffs_apply_and_commands_succeed(title: str, tmp_path: Path) -> None:
    diffs, shell = (blocks(SECTIONS[title], language) for language in ("diff", "bash"))
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("tables", "results"))
    for folder in ("experiments/spec", "sixth_paper"):
        shutil.copytree(ROOT / "tests" / folder, tmp_path / "tests" / folder)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def succeed(*words: str, given: str | None = None) -> str:
        done = subprocess.run(words, cwd=tmp_path, env=environment, input=given, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    for diff in diffs:
        succeed("git", "apply", "-", given=diff)
        changed = re.findall(r"^\+\+\+ b/(\S+)", diff, flags=re.MULTILINE)
        succeed(sys.executable, "-m", "compileall", "-q", *changed)
    for words in (shlex.split(line, comments=True) for block in shell for line in block.splitlines()):
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            environment[name] = value
        elif words == ["make", "index"]:
            succeed(sys.executable, "-m", "reproduce.write_index")
        else:
            assert words[0] == "reproduce" and succeed(sys.executable, "-m", *words)
    changed = re.findall(r"^\+\+\+ b/experiments/(\w+/\w+)\.py", "".join(diffs), flags=re.MULTILINE)
    if tables := [name for name in changed if "TABLE" in (tmp_path / f"experiments/{name}.py").read_text()]:
        test = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/experiments/spec/test_catalog.py")
        succeed(sys.executable, *test, "-k", f"printed and ({' or '.join(tables)})")
