"""Reader of ListOps."""

import random
from pathlib import Path

import pytest

from data.datasets.listops import TOKENS, ListOps
from data.stand_ins.drawing.listops import ListOpsDrawing
from data.stand_ins.of_sequences import ListOpsStandIn

EXAMPLE = "( ( ( [MAX 2 ) 9 ) ] )\t9"
CONFIG = ListOps.Config(stand_in=None, test_batch=None)


def write(folder: Path, *lines: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "basic_train.tsv"
    path.write_text("\n".join(["Source\tTarget", *lines]) + "\n")
    return path


def test_tokens_are_read_without_parentheses(tmp_path: Path) -> None:
    write(tmp_path / "listops-1000", EXAMPLE, "7\t7")
    items = CONFIG.build(tmp_path, "train")
    assert [TOKENS[token - 1] for token in items.tokens(0)[0]] == ["[MAX", "2", "9", "]"]
    assert [items.label(0), items.label(1)] == [9, 7]
    assert items.ids == ("basic_train.tsv:2", "basic_train.tsv:3")
    assert items.tokens(0)[0].max() < CONFIG.num_ids == 16


def test_a_lookup_of_the_first_token_reaches_the_accuracy_of_the_printed_models() -> None:
    draw, generator = random.Random(0), ListOpsDrawing(ListOpsStandIn())
    expressions = [generator.expression(draw) for _ in range(500)]
    answers = {"[MAX": 9, "[MIN": 0, "[MED": 4, "[SM": 5}
    hits = [answers[e.text.replace("(", " ").split()[0]] == e.value for e in expressions]
    assert sum(hits) / len(hits) == pytest.approx(0.367, abs=0.07)
