"""`reproduce report`: prints and saves beside the runs; only --publish writes the committed reports."""

import re
import sys
from pathlib import Path

import pytest

import reports.saved
import reproduce.selection
from experiments.spec.catalog import load
from experiments.spec.scales import TINY
from reproduce.command import main
from reproduce.verbs.report import Terminal
from runner.store.store import RunStore
from tests.runner.stored_metrics import write_result

TABLE = "motionformer/table8"
REPORT = "motionformer/table8.tiny.md"


@pytest.fixture
def committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directory of committed reports and results, in place of that of the repository."""
    monkeypatch.setattr(reports.saved, "TABLES", tmp_path / "committed" / "tables")
    monkeypatch.setattr(reproduce.selection, "RESULTS", tmp_path / "committed" / "results")
    return tmp_path / "committed"


def finish(runs: Path, cell: str, top1: float, seed: int = 0) -> Path:
    """Write the result of a cell; returns its file."""
    run = load(TABLE).run_of(cell, TINY, (), seed)
    return write_result(RunStore(runs), run, top1)


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_looking_writes_beside_the_runs_alone(
    committed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    finish(runs, "k400.one-frame", 61.0)
    assert main(["report", TABLE, "--runs", str(runs)]) == 0
    assert not committed.exists()
    printed, saved = capsys.readouterr().out, (runs / "reports" / REPORT).read_text()
    assert (
        printed.partition("<details>")[0] == saved.partition("<details>")[0] and "61.0" in saved and "73.2" not in saved
    )
    assert f"](../../{finish(runs, 'k400.one-frame', 61.0).relative_to(runs)})" in saved


def test_a_terminal_shows_no_tags_and_counts_verdicts_and_the_saved_report_keeps_them(
    committed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    words = ["report", "motionformer/table4", "--runs", str(runs)]
    assert main(words) == 0
    in_file = capsys.readouterr().out
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(words) == 0
    shown, saved = capsys.readouterr().out, (runs / "reports/motionformer/table4.tiny.md").read_text()
    for text in (in_file, saved):
        assert "<details><summary>How claims are judged</summary>" in text and "| M26, section 4.1" in text
    assert "details>" not in shown and "summary>" not in shown and "### Where the numbers come from" in shown
    assert "M26, section" not in shown and "180.6 (180.6)" in shown and "`data.crop`" in shown
    assert "Printed numbers: 10 supported, 1 noise. Ours: 9 not judged, 2 supported." in shown
    assert f"`reproduce claims motionformer/table4 --runs {runs}`" in shown
    assert all(len(line) <= 80 for line in shown.splitlines() if str(runs) not in line)
    assert "](" not in shown
    assert main([*words, "--format", "json"]) == 0
    assert capsys.readouterr().out.startswith("{")


def test_a_wide_table_of_a_report_repeats_its_labels_below() -> None:
    headers, line, align = [["row", "T", "top-1"]], ["joint", "✓", "72.0 (79.2)"], ["left", "center", "right"]
    for width in (80, 30):
        text = Terminal(width).table(headers, [line], align)
        assert text == "row    T        top-1\n-----  -  -----------\njoint  ✓  72.0 (79.2)"
    two = Terminal(12).table([["row", "K-400", "SSv2"]], [["joint", "72.0", "81.1"]], ["left", "right", "right"])
    assert two.count("joint") == 2


def test_paragraphs_and_items_are_wrapped_in_a_terminal() -> None:
    assert Terminal(16).items(["a long line of lists"]) == "- a long line of\n  lists"
    assert Terminal(16).folded("A", Terminal(16).paragraph("a long line of lists")) == "### A\n\na long line of\nlists"


def test_publishing_writes_results_and_reports_of_published_results_alone(committed: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    finish(first, "k400.one-frame", 61.0)
    finish(second, "k400.eight-frames", 66.0)
    for runs in (first, second):
        assert main(["report", TABLE, "--runs", str(runs), "--publish"]) == 0
    text = (committed / "tables" / REPORT).read_text()
    assert re.search(r"\| +61\.0 \| +66\.0 \| +5\.0 \|", text)
    assert "§" not in text
    assert "61.0§ " in (second / "reports" / REPORT).read_text()
    assert len(list((committed / "results").rglob("metrics/*.json"))) == 2


def test_check_depends_on_committed_files_alone(
    committed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    finish(runs, "k400.one-frame", 61.0)
    assert main(["report", TABLE, "--runs", str(runs), "--publish"]) == 0
    finish(runs, "k400.one-frame", 90.0)
    before = files(committed)
    assert main(["report", TABLE, "--runs", str(runs), "--check"]) == 0
    finish(committed / "results", "k400.one-frame", 62.0)
    assert main(["report", TABLE, "--runs", str(runs), "--check"]) == 1
    assert "table8.tiny.md" in capsys.readouterr().err
    finish(committed / "results", "k400.one-frame", 61.0)
    assert files(committed) == before


def test_check_takes_the_seeds_of_the_committed_report(committed: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for seed in (0, 1):
        finish(runs, "k400.one-frame", 61.0 + seed, seed)
    assert main(["report", TABLE, "--runs", str(runs), "--seeds", "0,1", "--publish"]) == 0
    assert "61.5 ± 0.7 (n=2) " in (committed / "tables" / REPORT).read_text()
    assert main(["report", TABLE, "--check"]) == 0


def test_a_part_of_a_table_is_printed_and_not_saved(
    committed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    assert main(["report", f"{TABLE}:k400", "--runs", str(runs)]) == 0
    assert "| – |" in re.sub(" +", " ", capsys.readouterr().out) and not runs.exists() and not committed.exists()


def test_a_plot_is_drawn_beside_the_saved_report(
    committed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, plot = tmp_path / "runs", Path(REPORT).with_suffix(".png")
    assert main(["report", TABLE, "--runs", str(runs), "--plot"]) == 0
    assert "no results to plot yet" in capsys.readouterr().err
    finish(runs, "k400.one-frame", 61.0)
    assert main(["report", TABLE, "--runs", str(runs), "--plot"]) == 0
    assert (runs / "reports" / plot).exists() and "drawn as" in capsys.readouterr().err and not committed.exists()
    assert main(["report", TABLE, "--runs", str(runs), "--plot", "--publish"]) == 0
    assert (committed / "tables" / plot).exists()
    assert main(["report", TABLE, "--check", "--plot"]) == 2
    assert main(["report", f"{TABLE}:k400", "--plot"]) == 2
