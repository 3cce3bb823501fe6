import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.motionformer.columns import ATTENTION
from experiments.runner.files import StoreError
from experiments.runner.store import RunStore
from experiments.spec import catalog
from experiments.spec.catalog import load
from experiments.spec.edits import apply, optim
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER, Scale
from experiments.spec.table import Column, Table
from reports.collect import collect
from reports.render import markdown, render, report_path, saved_seeds, stale, write

SNAPSHOT = """\
# paper/table1 at scale `tiny`: Every feature at once

> **Scale `tiny`.** These numbers come from small models on generated stand-in videos. They are not \
comparable with the printed ones in parentheses. Only GFLOPs is measured at the paper's size.

arXiv:0000.00000, Table 1. A measured cell reads `ours (printed)`.

|                  |          |           |               |           Top-1 |                 |                 |
|:-----------------|:---------|:---------:|--------------:|----------------:|----------------:|----------------:|
| **Attention**    | **Kind** | **Att_T** |    **GFLOPs** |       **K-400** |        **SSv2** |           **Δ** |
| *Other [8] \\| x* | *Large*  |     –     |       *100.0* |          *99.0* |          *98.0* |           *1.0* |
| Joint            | Small    |     –     | 180.6 (180.6) |     60.0 (79.2) | **50.0** (64.0) | **10.0** (15.2) |
| **Ours**         | Small    |     ✗     | 369.5 (369.5) | **62.5** (70.0) |               – |               – |
|                  |          |     ✓     | 369.5 (369.5) | **62.5** (79.7) |     41.2 (66.5) |     21.3 (13.2) |

`–` not run; *italic* rows are quoted by the paper from others, not measured here; **bold** values are the \
best measured of their column.

- Scale: tiny. These numbers come from small models on generated stand-in videos. They are not comparable \
with the printed ones in parentheses. Only GFLOPs is measured at the paper's size.
- Seeds: 0
- Test views × crops: kinetics400 10 × 3, ssv2 1 × 3
- Videos evaluated / failed / missing: kinetics400 48 / 0 / 0 of 19906 official, ssv2 47 / 1 / 0 of 24777 \
official (ours.ssv2), ssv2 48 / 0 / 0 of 24777 official (joint.ssv2)
- Data (fingerprints of annotations / file sizes): kinetics400 ids and labels 0123; ssv2 ids and labels 0123
- Hardware: 2 cores of a CPU
- Versions: python 3.11.9, torch 2.14.1
- Commit: 0123456789
- GFLOPs count the published formulation; ours executes, for the same result: joint 165.6, short 187.3, ours 187.3
- Changed in the paper's runs: `optim.batch_size` 128 → 8
- Deviations from the paper, and notes:
  - Trained and tested in 32-true precision instead of 16-mixed.
  - A note.
- Made by `reproduce report paper/table1 --scale tiny`
"""


RunOf = Callable[..., RunConfig]
Finish = Callable[..., None]


@pytest.fixture
def results(finish: Finish, run_of: RunOf, small: Scale) -> None:
    finish(run_of(small, "joint.k400"), 60.0)
    finish(run_of(small, "joint.ssv2"), 50.0)
    finish(run_of(small, "short.k400"), 62.5)
    finish(run_of(small, "ours.k400"), 62.49, precision="32-true")
    finish(run_of(small, "ours.ssv2"), 41.2, videos={"evaluated": 47, "failed": 1, "missing": 0})


def line(text: str, start: str) -> list[str]:
    """Cells of the markdown row that starts with a text."""
    found = next(row for row in text.splitlines() if row.startswith(f"| {start}"))
    return [cell.strip() for cell in found.replace("\\|", "/").strip("|").split("|")]


def test_markdown_has_the_layout_of_the_paper(table: Table, small: Scale, store: RunStore, results: None) -> None:
    assert markdown(collect(table, small, store)) == SNAPSHOT


def test_a_tiny_report_warns_in_heading_and_footer_that_its_numbers_are_not_comparable(
    table: Table, small: Scale, store: RunStore
) -> None:
    tiny = markdown(collect(table, small, store)).split("| Joint")
    assert all("small models on generated stand-in videos" in part and "not comparable" in part for part in tiny)
    assert "stand-in" not in markdown(collect(table, PAPER, store))


def test_cells_without_a_measured_value_show_no_printed_value(table: Table, store: RunStore) -> None:
    text = markdown(collect(table, PAPER, store))
    assert line(text, "Joint")[3:] == ["180.6 (180.6)", "–", "–", "–"]
    assert "79.2" not in text and "64.0" not in text


def test_a_quoted_row_is_in_italics_and_never_best(table: Table, small: Scale, store: RunStore, results: None) -> None:
    text = markdown(collect(table, small, store))
    assert line(text, "*Other")[4:] == ["*99.0*", "*98.0*", "*1.0*"]
    assert "*italic* rows are quoted by the paper from others, not measured here" in text


def test_best_values_that_are_equal_after_rounding_are_both_bold(
    table: Table, small: Scale, store: RunStore, results: None
) -> None:
    text = markdown(collect(table, small, store))
    assert text.count("**62.5**") == 2


def test_a_single_value_is_not_best(table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf) -> None:
    finish(run_of(small, "joint.k400"), 60.0)
    assert line(markdown(collect(table, small, store)), "Joint")[4] == "60.0 (79.2)"


def test_several_seeds_are_shown_as_mean_std_and_number(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    for seed, top1 in enumerate((60.0, 61.0, 62.0)):
        finish(run_of(small, "joint.k400", seed), top1)
    for seed, top1 in enumerate((50.0, 49.0)):
        finish(run_of(small, "joint.ssv2", seed), top1)
    cells = line(markdown(collect(table, small, store, seeds=(0, 1, 2))), "Joint")
    assert cells[3:] == [
        "180.6 (180.6)",
        "61.0 ± 1.0 (n=3) (79.2)",
        "49.5 ± 0.7 (n=2 of 3) (64.0)",
        "11.0 ± 1.4 (n=2 of 3) (15.2)",  # mean of the differences for each seed, 10 and 12
    ]


def test_modified_cells_have_a_sign_that_the_legend_explains(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf, results: None
) -> None:
    finish(apply(run_of(small, "joint.k400"), optim(epochs=3)), 33.0)
    text = markdown(collect(table, small, store, overrides=["optim.epochs=3"]))
    assert line(text, "Joint")[3:] == ["180.6 (180.6)", "33.0† (79.2)", "–†", "–†"]
    assert "`†` not the table's run: optim.epochs=3" in text


def test_progress_is_printed_but_not_saved(
    table: Table, small: Scale, store: RunStore, run_of: RunOf, tmp_path: Path
) -> None:
    directory = store.run(run_of(small, "joint.k400").train_id)
    with directory.claim() as mine:
        assert mine
        assert line(markdown(collect(table, small, store)), "Joint")[4] == "…"
        (directory.path / "progress.json").write_text('{"stage": "train", "done": 0.5}')
        report = collect(table, small, store)
        assert line(markdown(report), "Joint")[4] == "… 45 %"
        assert line(write(report, tmp_path).read_text(), "Joint")[4] == "–"
        assert not stale(report, tmp_path)


def test_a_failed_cell_shows_its_state(table: Table, small: Scale, store: RunStore, run_of: RunOf) -> None:
    directory = store.run(run_of(small, "joint.k400").train_id)
    directory.path.mkdir(parents=True)
    directory.failure.write_text("out of memory\n")
    assert line(markdown(collect(table, small, store)), "Joint")[4] == "failed"


def test_a_saved_report_is_stale_when_results_change(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf, results: None, tmp_path: Path
) -> None:
    path = write(collect(table, small, store), tmp_path)
    assert path == report_path(table, small, tmp_path) == tmp_path / "paper" / "table1.tiny.md"
    assert not stale(collect(table, small, store), tmp_path)
    finish(run_of(small, "joint.k400"), 60.1)
    assert stale(collect(table, small, store), tmp_path)


def test_a_missing_report_is_stale_only_if_there_are_results(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf, tmp_path: Path
) -> None:
    assert not stale(collect(table, small, store), tmp_path)
    finish(run_of(small, "joint.k400"), 60.0)
    assert stale(collect(table, small, store), tmp_path)


def test_saved_seeds_are_those_of_the_saved_report(table: Table, small: Scale, store: RunStore, tmp_path: Path) -> None:
    assert saved_seeds(table, small, tmp_path) is None
    write(collect(table, small, store, seeds=(0, 2)), tmp_path)
    assert saved_seeds(table, small, tmp_path) == (0, 2)


def test_a_report_links_to_the_readme_of_the_paper(
    table: Table, small: Scale, store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "What differs" not in markdown(collect(table, small, store))
    hours = collect(load("motionformer/hours"), small, store)
    found = re.search(r"^- What differs from the paper: \[(.*)\]\((.*)\)$", markdown(hours), re.MULTILINE)
    assert found is not None and found[1] == "experiments/motionformer/README.md"
    path = report_path(hours.table, small)
    assert (path.parent / found[2]).resolve() == path.parents[3] / found[1]
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "README.md").touch()
    monkeypatch.setenv(catalog.PAPERS, str(tmp_path))
    monkeypatch.setattr(catalog.experiments, "__path__", list(catalog.experiments.__path__))
    text = markdown(collect(table, small, store))
    assert "- What differs from the paper: README.md of the paper's folder\n" in text and str(tmp_path) not in text


def test_a_report_ends_with_its_command(table: Table, small: Scale, store: RunStore) -> None:
    report = collect(table, small, store, seeds=(0, 1), overrides=["optim.epochs=3"], rows=["joint", "ours"])
    command = "paper/table1:joint paper/table1:ours --scale tiny --seeds 0,1 -o optim.epochs=3"
    assert markdown(report).endswith(f"- Made by `reproduce report {command}`\n")


@pytest.mark.parametrize("part", [{"overrides": ["optim.epochs=3"]}, {"rows": ["joint"]}])
def test_reports_with_overrides_or_selected_rows_are_not_saved(
    table: Table, small: Scale, store: RunStore, tmp_path: Path, part: dict[str, list[str]]
) -> None:
    with pytest.raises(ValueError, match="is printed, not saved"):
        write(collect(table, small, store, overrides=part.get("overrides", []), rows=part.get("rows")), tmp_path)
    assert not list(tmp_path.rglob("*.md"))


def test_an_unreadable_report_is_an_error(table: Table, small: Scale, store: RunStore, tmp_path: Path) -> None:
    report_path(table, small, tmp_path).mkdir(parents=True)
    with pytest.raises(StoreError, match=r"cannot read .*table1\.tiny\.md"):
        stale(collect(table, small, store), tmp_path)


def test_json_has_columns_rows_and_cells_with_ids(
    table: Table, small: Scale, store: RunStore, run_of: RunOf, results: None
) -> None:
    report = json.loads(render(collect(table, small, store), "json"))
    run = run_of(small, "joint.k400")
    assert (report["table"], report["scale"], report["comparable_with_printed"]) == ("paper/table1", "tiny", False)
    assert report["columns"][1] == {
        "key": "k400",
        "header": ["Top-1", "K-400"],
        "metric": "top1",
        "digits": 1,
        "best": "max",
    }
    assert [column["metric"] for column in report["columns"]] == ["gflops", "top1", "top1", "delta"]
    other, joint, short, _ = report["rows"]
    assert joint["labels"] == {"Attention": "Joint", "Kind": "Small", "Att_T": None}
    gflops, k400, _, delta = joint["cells"]
    assert k400 == {
        "column": "k400",
        "value": 60.0,
        "printed": 79.2,
        "state": "done",
        "std": None,
        "num_seeds": 1,
        "train_id": run.train_id,
        "eval_id": run.eval_id,
        "modified": False,
        "released_weights": False,
        "other_data": False,
        "best": False,
        "progress": None,
        "runs": [
            {"seed": 0, "train_id": run.train_id, "eval_id": run.eval_id, "state": "done", "value": 60.0},
        ],
    }
    assert (gflops["state"], gflops["train_id"], gflops["num_seeds"]) == ("measured", None, 0)
    assert gflops["value"] == pytest.approx(180.64, abs=0.01)
    assert (delta["state"], delta["value"]) == ("derived", pytest.approx(10.0))
    assert (short["cells"][2]["state"], short["cells"][2]["value"]) == ("not run", None)
    assert other["quoted"] and all((c["state"], c["value"]) == ("quoted", None) for c in other["cells"])


def test_columns_of_texts_are_left_aligned(table: Table, store: RunStore) -> None:
    joint = table.find_row("joint")
    words = replace(
        table,
        columns=(Column(key="attention", header="Attention used", metric=ATTENTION, base=table.columns[0].base),),
        rows=(replace(joint, paper=("Joint",)),),
    )
    text = markdown(collect(words, PAPER, store))
    assert "|:-----" in text and line(text, "Joint")[3] == "Joint Space-Time (Joint)"


def test_an_unknown_format_is_rejected(table: Table, store: RunStore) -> None:
    with pytest.raises(ValueError, match="unknown format 'html'; choose from md, csv, json, latex"):
        render(collect(table, PAPER, store), "html")  # type: ignore[arg-type]
