import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import experiments
from experiments.spec.catalog import load
from experiments.spec.edits import apply, optim
from experiments.spec.paper_folders import PAPERS
from experiments.spec.scales import PAPER, TINY, Scale
from reports.collect import collect
from reports.publication import publish
from reports.saved import report_path
from runner.machine.files import write_atomically
from runner.store.store import RunStore
from tests.reports.conftest import Trial
from tests.reports.saved_reports import lines_of, markdown, render, write


@pytest.fixture
def results(trial: Trial) -> None:
    for cell, top1 in (("joint.k400", 60.0), ("joint.ssv2", 50.0), ("short.k400", 62.5)):
        trial.finish(cell, top1)
    trial.finish("ours.k400", 62.49, precision="32-true")
    trial.finish("ours.ssv2", 41.2, videos={"evaluated": 47, "failed": 1, "missing": 0})


def unpadded(text: str) -> str:
    """Markdown whose tables have no padding."""
    short = re.sub(r"-{2,}(?=:?\|)", "--", text)
    return "\n".join(re.sub(r" *\| *", "|", line) if line.startswith("|") else line for line in short.splitlines())


def test_markdown_has_the_layout_of_the_paper(trial: Trial, results: None) -> None:
    names = ("joint.k400", "joint.ssv2", "short.k400", "ours.k400", "ours.ssv2")
    found = {name: trial.run(name) for name in names}
    write_atomically(trial.store.run(found["joint.k400"].train_id).config, json.dumps(found["joint.k400"].description))
    ids = {name: run.train_id for name, run in found.items()}
    links = {name: f"[{run.eval_id}](../../{run.train_id}/metrics/{run.eval_id}.json)" for name, run in found.items()}
    text = markdown(trial.report(), trial.store.root / "reports")
    k400, ssv2 = "kinetics400 ids and labels 0123", "ssv2 ids and labels 0123"
    expected = f"""\
# paper/table1 at scale `tiny`: Every feature at once

arXiv:0000.00000, Table 1. A cell reads `ours (printed)`. Labels describe the paper's models; the end of this page \
lists what is changed in them.

| | | | | Top-1 | | |
|:-----------------|:---------|:---------:|--------------:|------------:|------------:|------------:|
| **Attention** | **Kind** | **Att_T** | **GFLOPs** | **K-400** | **SSv2** | **Δ** |
| *Other [8] \\| x* | *Large* | – | *100.0* | *99.0* | *98.0* | *1.0* |
| Joint | Small | – | 180.6 (180.6) | 60.0 (79.2) | 50.0 (64.0) | 10.0 (15.2) |
| **Ours** | Small | ✗ | 369.5 (369.5) | 62.5 (70.0) | – (60.0) | – (10.0) |
| | | ✓ | 369.5 (369.5) | 62.5 (79.7) | 41.2 (66.5) | 21.3 (13.2) |

`–` not run (among the labels, as printed: does not apply); *italic* rows are quoted by the paper from others, not \
measured here.

## About these numbers

- Nothing is made smaller than in the paper.
- A note.
- Made by `reproduce report paper/table1 --scale tiny`

<details><summary>Where the numbers come from</summary>

- seed: 0
- replaced in training: 0
- hardware: 2 cores of a CPU
- taken on trust: top1, top5
- versions: python 3.11.9, torch 2.14.1

| row | result | run | commit | columns | views × crops | evaluated / failed / missing | data | precision |
|:--|:--|:--|:--|:--|:--|:--|:--|:--|
| Joint, Small | {links["joint.k400"]} | [{ids["joint.k400"]}](../../{ids["joint.k400"]}/config.json) | 0123456789 | \
Top-1 / K-400 | 10 × 3 | 48 / 0 / 0 of 19906 official | {k400} | 16-mixed |
| Joint, Small | {links["joint.ssv2"]} | {ids["joint.ssv2"]} | 0123456789 | Top-1 / SSv2 | 1 × 3 | \
48 / 0 / 0 of 24777 official | {ssv2} | 16-mixed |
| Ours, Small | {links["short.k400"]} | {ids["short.k400"]} | 0123456789 | Top-1 / K-400 | 10 × 3 | \
48 / 0 / 0 of 19906 official | {k400} | 16-mixed |
| Ours, Small (Att_T) | {links["ours.k400"]} | {ids["ours.k400"]} | 0123456789 | Top-1 / K-400 | 10 × 3 | \
48 / 0 / 0 of 19906 official | {k400} | 32-true, not 16-mixed as in the recipe |
| Ours, Small (Att_T) | {links["ours.ssv2"]} | {ids["ours.ssv2"]} | 0123456789 | Top-1 / SSv2 | 1 × 3 | \
47 / 1 / 0 of 24777 official | {ssv2} | 16-mixed |

GFLOPs: computed from the config, without a run. Δ: difference of Top-1 / K-400, Top-1 / SSv2.

</details>

<details><summary>Costs of this implementation</summary>

Executed: multiply-adds of ours for the same result; a column of GFLOPs counts the published formulation.

| row | column | cost of ours | value |
|:--|:--|:--|--:|
| Joint, Small | GFLOPs | executed, GFLOPs | 165.8 |
| Ours, Small | GFLOPs | executed, GFLOPs | 187.5 |
| Ours, Small (Att_T) | GFLOPs | executed, GFLOPs | 187.5 |

</details>

<details><summary>Changed in the paper's runs</summary>

| field | paper → here |
|:--|:--|
| `optim.batch_size` | 128 → 8 |

</details>
"""
    assert unpadded(text) == unpadded(expected)


def test_a_tiny_report_warns_once_and_above_its_numbers_that_they_are_not_comparable(store: RunStore) -> None:
    table4 = load("motionformer/table4")
    above, below = markdown(collect(table4, TINY, store)).split("| Joint", maxsplit=1)
    assert "small models on generated stand-in videos. They are not comparable" in above
    assert "not comparable" not in below
    paper = markdown(collect(table4, PAPER, store))
    assert "stand-in" not in paper and "> **Scale `paper`.** Nothing has been trained or tested here" in paper


def test_a_users_own_videos_are_not_called_generated(store: RunStore) -> None:
    report = collect(load("motionformer/table6b"), TINY, store, overrides=["data.dataset.stand_in=None"])
    text = markdown(report)
    assert "small models on the videos given as kinetics400." in text and "generated stand-in" not in text


def test_published_values_are_marked_in_every_format(trial: Trial, results: None, tmp_path: Path) -> None:
    publish(trial.report(), trial.store)
    fresh = trial.elsewhere(tmp_path / "fresh").report()
    text = markdown(fresh)
    assert lines_of(text)["Joint"][2:] == ["180.6 (180.6)", "60.0§ (79.2)", "50.0§ (64.0)", "10.0§ (15.2)"]
    assert "`§` published: a result that comes with the project, not run here" in text
    assert text.count(".json) §") == 5
    assert r"60.0$^\S$ (79.2)" in render(fresh, "latex")
    cells = [line for line in json.loads(render(fresh, "json"))["cells"] if line["row"] == "joint"]
    assert [cell["published"] for cell in cells] == [False, True, True, True]
    assert "§" not in trial.page()


def test_links_of_a_printed_report_start_from_the_current_directory(
    trial: Trial, results: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trial.store.root)
    report = trial.report()
    links = re.findall(r"\]\((\w+/metrics/\w+\.json)\)", render(report, "md", trial.store.root / "reports"))
    assert len(links) == 5 and all((trial.store.root / link).is_file() for link in links)
    found = json.loads(render(report, "json"))["cells"][5]
    assert (trial.store.root / found["result"]).is_file() and found["commit"] == "0123456789"


def test_best_values_that_are_equal_after_rounding_are_both_bold(trial: Trial, results: None) -> None:
    text = trial.page(rows=["joint", "short", "ours"])
    assert text.count("**62.5**") == 2
    assert "**bold** values are the best of their column." in text


def test_no_printed_number_and_no_bold_stands_beside_an_accuracy_of_a_small_model(trial: Trial, toy: Scale) -> None:
    small = replace(trial, scale=toy)
    for cell, top1 in (("joint.k400", 60.0), ("joint.ssv2", 50.0), ("ours.k400", 99.5)):
        small.finish(cell, top1)
    text = small.page()
    assert lines_of(text)["Joint"][2:] == ["180.6 (180.6)", "60.0", "50.0", "10.0"]
    assert lines_of(text)["Other [8] / x"][2:] == ["100.0", "–", "–", "–"] and "**99.5" not in text
    assert "comparable with those of the paper, which `reproduce show paper/table1` prints" in text
    assert '"comparable_with_printed": false' in render(small.report(), "json")


def test_several_seeds_are_shown_as_mean_std_and_number(trial: Trial) -> None:
    trial.finish("joint.k400", 60.0, 61.0, 62.0)
    trial.finish("joint.ssv2", 50.0, 49.0)
    cells = lines_of(trial.page(seeds=(0, 1, 2)))["Joint"]
    assert cells[2:] == [
        "180.6 (180.6)",
        "61.0 ± 1.0 (n=3) (79.2)",
        "49.5 ± 0.7 (n=2 of 3) (64.0)",
        "11.0 ± 1.4 (n=2 of 3) (15.2)",  # mean of the differences for each seed, 10 and 12
    ]


def test_modified_cells_have_a_sign_that_the_legend_explains(trial: Trial, results: None) -> None:
    trial.finish(apply(trial.run("joint.k400"), optim(epochs=3)), 33.0)
    text = trial.page(overrides=["optim.epochs=3"])
    assert lines_of(text)["Joint"][2:] == ["180.6 (180.6)", "33.0† (79.2)", "–† (64.0)", "–† (15.2)"]
    assert "`†` not the table's run: optim.epochs=3" in text


def test_progress_is_shown_beside_the_printed_value(trial: Trial) -> None:
    directory = trial.store.run(trial.run("joint.k400").train_id)
    with directory.claim() as mine:
        assert mine
        assert lines_of(trial.page())["Joint"][3] == "… (79.2)"
        (directory.path / "progress.json").write_text('{"stage": "train", "done": 0.5}')
        assert lines_of(trial.page())["Joint"][3] == "… 45 % (79.2)"


def test_a_report_links_to_the_readme_of_the_paper(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "What differs" not in trial.page()
    hours = collect(load("motionformer/hours"), trial.scale, trial.store)
    found = re.search(r"^- What differs from the paper: \[(.*)\]\((.*)\)$", markdown(hours), re.MULTILINE)
    assert found is not None and found[1] == "experiments/motionformer/README.md"
    path = report_path(hours.table.name, trial.scale.name)
    assert (path.parent / found[2]).resolve() == path.parents[3] / found[1]
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "README.md").touch()
    monkeypatch.setenv(PAPERS, str(tmp_path))
    monkeypatch.setattr(experiments, "__path__", list(experiments.__path__))
    text = trial.page()
    assert "- What differs from the paper: README.md of the paper's folder\n" in text and str(tmp_path) not in text


def test_a_report_names_its_command(trial: Trial) -> None:
    report = trial.report(seeds=(0, 1), overrides=["optim.epochs=3"], rows=["joint", "ours"])
    command = "paper/table1:joint paper/table1:ours --scale tiny --seeds 0,1 -o optim.epochs=3"
    assert f"- Made by `reproduce report {command}`\n" in markdown(report)


@pytest.mark.parametrize("part", [{"overrides": ["optim.epochs=3"]}, {"rows": ["joint"]}])
def test_reports_with_overrides_or_selected_rows_are_not_saved(
    trial: Trial, tmp_path: Path, part: dict[str, list[str]]
) -> None:
    with pytest.raises(ValueError, match="is printed, not saved"):
        write(trial.report(**part), tmp_path)
    assert not list(tmp_path.rglob("*.md"))
