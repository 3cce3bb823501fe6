"""Tidy frame of a report, as CSV and JSON."""

import csv
import io
import json
import os

import pytest

from tests.reports.conftest import Trial
from tests.reports.saved_reports import render


def test_csv_has_a_line_a_cell_and_seed_with_measured_and_printed_values(trial: Trial) -> None:
    for seed, top1 in enumerate((60.123456, 62.0)):
        trial.finish(trial.run("joint.k400", seed), top1)
    text = render(trial.report(seeds=(0, 1)), "csv")
    lines = [line for line in csv.DictReader(io.StringIO(text)) if line["column"] == "k400"]
    assert [line["state"] for line in lines] == ["quoted", *["done"] * 2, *["not run"] * 4]
    assert [(line["seed"], line["value_of_seed"]) for line in lines[1:3]] == [("0", "60.123456"), ("1", "62.0")]
    assert {(line["value"], line["num_seeds"]) for line in lines[1:3]} == {("61.061728", "2")}
    assert [line["printed"] for line in lines] == ["99.0", *["79.2"] * 2, *["70.0"] * 2, *["79.7"] * 2]
    assert {(line["table"], line["scale"], line["printed_style"]) for line in lines} == {("paper/table1", "tiny", "")}


def test_json_has_the_lines_of_the_frame_with_facts_origins_costs_and_claims(trial: Trial) -> None:
    run = trial.run("joint.k400")
    trial.finish(run, 60.0)
    report = json.loads(render(trial.report(), "json"))
    assert (report["table"], report["scale"], report["comparable_with_printed"]) == ("paper/table1", "tiny", True)
    assert report["notes"] == ["A note."] and report["changes"] == {"optim.batch_size": "128 → 8"}
    assert report["claims"] == [] and {cost["value"] for cost in report["costs"]} == {"165.8", "187.5"}
    lines = {(line["row"], line["column"]): line for line in report["cells"]}
    k400 = lines["joint", "k400"]
    assert (k400["Attention"], k400["Att_T"], k400["metric"], k400["value"]) == ("Joint", None, "top1", 60.0)
    assert (k400["train_id"], k400["eval_id"], k400["commit"]) == (run.train_id, run.eval_id, "0123456789")
    assert k400["result"] == os.path.relpath(trial.store.run(run.train_id).metrics(run.eval_id))
    assert lines["joint", "gflops"]["value"] == pytest.approx(180.64, abs=0.01)
    assert (lines["short", "ssv2"]["state"], lines["short", "ssv2"]["value"]) == ("not run", None)
    assert lines["other", "delta"]["value"] == 1.0  # it follows from the printed cells
    (origin,) = report["origins"]
    assert (origin["row"], origin["columns"], origin["train_id"]) == ("Joint, Small", ["Top-1 / K-400"], run.train_id)
