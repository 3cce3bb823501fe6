"""`reproduce report`: prints and saves beside the runs; only --publish writes the committed reports."""

import re
from pathlib import Path

import pytest

import reports.saved
import reproduce.selection
from experiments.spec.catalog import load
from experiments.spec.scales import TINY
from reproduce.terminal import STYLE
from reproduce.terminal_page import Terminal
from runner.store.store import RunStore
from tests.conftest import Reproduce
from tests.reproduce.conftest import TerminalOf
from tests.runner.stored_metrics import write_result

TABLE = "motionformer/table8"
REPORT = "motionformer/table8.tiny.md"


@pytest.fixture
def committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directory of committed reports and results, in place of that of the repository."""
    monkeypatch.setattr(reports.saved, "TABLES", tmp_path / "committed" / "tables")
    monkeypatch.setattr(reproduce.selection, "RESULTS", tmp_path / "committed" / "results")
    return tmp_path / "committed"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def report(reproduce: Reproduce, runs: Path, committed: Path) -> Reproduce:
    return lambda *words, table=TABLE, runs=runs: reproduce("report", table, "--runs", runs, *words)


def finish(runs: Path, cell: str, top1: float, seed: int = 0) -> Path:
    """Write the result of a cell; returns its file."""
    run = load(TABLE).run_of(cell, TINY, (), seed)
    return write_result(RunStore(runs), run, top1)


def test_looking_writes_beside_the_runs_alone(report: Reproduce, committed: Path, runs: Path) -> None:
    result = finish(runs, "k400.one-frame", 61.0)
    printed = report()
    assert printed.code == 0 and not committed.exists()
    saved = (runs / "reports" / REPORT).read_text()
    assert printed.out.partition("<details>")[0] == saved.partition("<details>")[0]
    assert "61.0" in saved and "73.2" not in saved and f"](../../{result.relative_to(runs)})" in saved


def test_a_table_whose_page_cannot_be_saved_is_printed(report: Reproduce, runs: Path) -> None:
    finish(runs, "k400.one-frame", 61.0)
    (runs / "reports").write_text("")  # where a folder is to be
    printed = report()
    assert printed.code == 0 and "61.0" in printed.out and f"note: cannot write {runs / 'reports'}" in printed.err
    assert report("--plot").code == 3


def test_a_window_shows_a_table_its_signs_and_counts_of_verdicts_in_the_styles_of_a_terminal(
    report: Reproduce, runs: Path, terminal: TerminalOf
) -> None:
    terminal(80)
    shown = report("--scale", "paper", table="motionformer/table4").out
    assert len(shown.splitlines()) <= 20
    assert all(len(STYLE.sub("", line)) <= 80 for line in shown.splitlines() if str(runs) not in line)
    assert "– (\x1b[1m79.7\x1b[22m)" in shown and "**" not in shown and "--full" not in shown
    assert "Where the numbers come from" not in shown and "Claims: printed numbers 10 supported, 1 noise;" in shown


def test_a_report_of_some_columns_has_those_that_they_are_computed_from_and_is_not_saved(
    report: Reproduce, runs: Path
) -> None:
    shown = report("--column", "delta")
    assert all(text in shown.out for text in ("(1 frame)", "(8 frames)", "--column delta"))
    assert "saved as" not in shown.err and "--column delta" in shown.err
    assert "(1 frame)" not in report("--column", "eight-frames").out
    assert not (runs / "reports").exists()
    assert "has no column 'top9'; its columns are" in report("--column", "top9").err


def test_a_full_page_in_a_terminal_has_no_tags_and_counts_verdicts_and_the_saved_report_keeps_them(
    report: Reproduce, runs: Path, terminal: TerminalOf
) -> None:
    terminal(80)
    table = "motionformer/table4"
    shown, saved = report("--full", table=table).out, (runs / "reports/motionformer/table4.tiny.md").read_text()
    assert "<details><summary>How claims are judged</summary>" in saved and "| M26, section 4.1" in saved
    assert not any(sign in shown for sign in ("details>", "summary>", "#", "**", "]("))
    assert "\x1b[1mWhere the numbers come from" in shown
    assert "M26, section" not in shown and "180.6 (180.6)" in shown and "`data.crop`" in shown
    assert "Claims: printed numbers 10 supported, 1 noise; ours 9 not judged, 2 supported." in shown
    assert f"`reproduce claims motionformer/table4 --runs {runs}`" in shown
    assert all(len(STYLE.sub("", line)) <= 80 for line in shown.splitlines() if str(runs) not in line)
    assert report("--format", "json", table=table).out.startswith("{")


def test_a_page_in_a_terminal_has_wrapped_paragraphs_and_tables_of_its_width(terminal: TerminalOf) -> None:
    terminal(12)
    narrow = Terminal()
    table = narrow.table([["row", "K-400", "SSv2"]], [["joint", "72.0", "81.1"]], ["left", "right", "right"])
    assert table.startswith("row    K-400\n-----  -----\njoint   72.0\n\n") and table.count("joint") == 2
    assert narrow.items(["a long line of lists"]) == "- a long\n  line of\n  lists"
    assert narrow.folded("A", narrow.paragraph("a long line")) == "\x1b[1mA\x1b[22m\n\na long line"


def test_publishing_writes_results_and_reports_of_published_results_alone(
    report: Reproduce, committed: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    finish(first, "k400.one-frame", 61.0)
    finish(second, "k400.eight-frames", 66.0)
    assert report("--publish", runs=first).code == report("--publish", runs=second).code == 0
    text = (committed / "tables" / REPORT).read_text()
    assert re.search(r"\| +61\.0 \| +66\.0 \| +5\.0 \|", text) and "§" not in text
    assert "61.0§ " in (second / "reports" / REPORT).read_text()
    assert len(list((committed / "results").rglob("metrics/*.json"))) == 2


def test_publishing_writes_the_pages_of_other_tables_that_show_the_same_runs(
    report: Reproduce, committed: Path, runs: Path
) -> None:
    table = "motionformer/table4"
    write_result(RunStore(runs), load(table).run_of("joint.k400", TINY, (), 0), 61.0)
    assert report("--publish", table=table).code == 0
    shown = {path.stem for path in (committed / "tables").rglob("*.md") if " 61.0 " in path.read_text()}
    assert shown == {"table2a.tiny", "table2b.tiny", "table4.tiny"}
    assert report("--check", table="motionformer/table[24]*").code == 0


def test_a_name_that_is_taken_in_one_of_several_tables_is_refused_before_anything_is_published(
    report: Reproduce, committed: Path, tmp_path: Path
) -> None:
    for number in range(3):
        finish(tmp_path / f"{number}", "k400.one-frame", 61.0 + number)
    other = load("motionformer/table4").run_of("joint.k400", TINY, (), 0)
    write_result(RunStore(tmp_path / "2"), other, 50.0)
    assert report("--publish", "--by", "anna", runs=tmp_path / "0").code == 0
    assert report("--publish", "--by", "bob", runs=tmp_path / "1").code == 0
    before = sorted(committed.rglob("*"))
    refused = report("--publish", "--by", "bob", table="motionformer/table[48]", runs=tmp_path / "2")
    assert refused.code == 2 and "is another one; choose another name" in refused.err
    assert sorted(committed.rglob("*")) == before


def test_check_depends_on_committed_files_alone(report: Reproduce, committed: Path, runs: Path) -> None:
    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in committed.rglob("*") if path.is_file()}

    finish(runs, "k400.one-frame", 61.0)
    assert report("--publish").code == 0
    finish(runs, "k400.one-frame", 90.0)
    before = files()
    assert report("--check").code == 0
    finish(committed / "results", "k400.one-frame", 62.0)
    stale = report("--check")
    assert stale.code == 1 and "table8.tiny.md" in stale.err
    finish(committed / "results", "k400.one-frame", 61.0)
    assert files() == before


def test_check_takes_the_seeds_of_the_committed_report(report: Reproduce, committed: Path, runs: Path) -> None:
    for seed in (0, 1):
        finish(runs, "k400.one-frame", 61.0 + seed, seed)
    assert report("--seeds", "0,1", "--publish").code == 0
    assert "61.5 ± 0.7 (n=2) " in (committed / "tables" / REPORT).read_text()
    assert report("--check").code == 0


def test_a_plot_is_drawn_beside_the_saved_report(report: Reproduce, committed: Path, runs: Path) -> None:
    plot = Path(REPORT).with_suffix(".png")
    assert "no results to plot yet" in report("--plot").err
    finish(runs, "k400.one-frame", 61.0)
    assert "drawn as" in report("--plot").err
    assert (runs / "reports" / plot).exists() and not committed.exists()
    assert report("--plot", "--publish").code == 0 and (committed / "tables" / plot).exists()
    assert report("--check", "--plot").code == report("--plot", table=f"{TABLE}:k400").code == 2
