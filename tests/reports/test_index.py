"""Index of the committed reports."""

from pathlib import Path

import pytest

import reports.pages.markdown
from experiments.spec.catalog import captions, contents_of_papers, load, papers
from experiments.spec.scales import PAPER, TINY
from reports import index
from reports.collect import collect
from reports.pages.render import write
from reports.pages.report import Report
from reports.summary import FILE
from runner.store.store import RunStore
from tests.runner.stored_metrics import write_result

TABLE = "motionformer/table8"


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directory of committed reports, in place of that of the repository."""
    monkeypatch.setattr(reports.pages.markdown, "TABLES", tmp_path / "reports" / "tables")
    return tmp_path / "reports" / "tables"


@pytest.fixture
def report(tables: Path, store: RunStore) -> Report:
    """Committed report of a table with one result, without its index."""
    write_result(store, load(TABLE).run_of("k400.one-frame", TINY, (), 0), 61.0)
    found = collect(load(TABLE), TINY, store)
    write(found)
    return found


def section_of(text: str, paper: str) -> str:
    """Part of the index on one paper."""
    return text.partition(f"\n## {paper}\n")[2].partition("\n## ")[0]


def line_of(text: str, name: str, paper: str = "motionformer") -> list[str]:
    """Cells of the line of a table in the index."""
    (line,) = [line for line in section_of(text, paper).splitlines() if line.startswith(f"| {name} ")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_line_links_to_the_report_and_counts_its_cells_and_claims(report: Report) -> None:
    path = index.update([report])
    name, caption, paper, tiny, *_ = line_of(path.read_text(), "table8")
    assert (name, caption, paper) == ("table8", captions()[TABLE], "–")
    assert tiny == "[1/6](tables/motionformer/table8.tiny.md)"
    assert (path.parent / "tables/motionformer/table8.tiny.md").exists()


def test_costs_are_compared_with_print_and_claims_are_counted(tables: Path, store: RunStore) -> None:
    text = index.page({})
    assert line_of(text, "table4")[2:] == ["–"] * 7
    path = index.update([collect(load("motionformer/table4"), PAPER, store)])
    cells = "[0/10](tables/motionformer/table4.paper.md)"
    assert line_of(path.read_text(), "table4")[2:] == [cells, "–", "5/5", "5/5", "0", "7/8", "2/8"]


def test_every_table_of_the_catalog_is_named(report: Report) -> None:
    text = index.page({})
    for paper in papers():
        section = section_of(text, paper)
        found = contents_of_papers()[paper]
        assert found["title"] in section
        for name in captions():
            if name.startswith(f"{paper}/"):
                assert f"\n| {name.partition('/')[2]} " in section


def test_pictures_of_a_table_are_shown_with_a_link_to_their_report(report: Report, tables: Path) -> None:
    for name in ("table8.tiny.png", "table8.tiny.cost.png", "table80.tiny.png"):
        (tables / "motionformer" / name).touch()
    text = index.page({})
    assert text.count("<img ") == 2 and text.count('<a href="tables/motionformer/table8.tiny.md">') == 2
    assert '<img src="tables/motionformer/table8.tiny.cost.png"' in text
    (tables / "motionformer" / "table8.paper.png").touch()
    assert index.page({}).count("<img ") == 1  # the paper's models go first


def test_an_index_is_stale_after_another_result_a_picture_or_an_edit(
    report: Report, tables: Path, store: RunStore
) -> None:
    assert index.stale([report])  # not written yet
    path = index.update([report])
    assert not index.stale([report])
    (tables / "motionformer" / "table8.tiny.png").touch()
    assert index.stale([report])
    index.update([])
    assert not index.stale([report])
    path.write_text(path.read_text() + "edited\n")
    assert index.stale([report])
    index.update([])
    write_result(store, load(TABLE).run_of("k400.eight-frames", TINY, (), 0), 66.0)
    assert index.stale([collect(load(TABLE), TINY, store)])


def test_a_report_that_is_not_committed_needs_no_line(tables: Path, store: RunStore) -> None:
    assert not index.stale([collect(load(TABLE), TINY, store)])
    assert not (tables / FILE).exists()


def test_other_tables_keep_their_lines(report: Report, store: RunStore) -> None:
    index.update([report])
    path = index.update([collect(load("motionformer/table4"), TINY, store)])
    assert line_of(path.read_text(), "table8")[3].startswith("[1/6]")
