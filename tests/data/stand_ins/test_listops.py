"""Generated ListOps: the original procedure."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from data.stand_ins.drawing.ensure import ensure
from data.stand_ins.drawing.listops import ListOpsDrawing, Part
from data.stand_ins.of_sequences import ListOpsStandIn
from data.stand_ins.stand_in import folder_name

PUBLISHED = ListOpsStandIn()
SMALL = ListOpsDrawing(ListOpsStandIn(num_train=230, num_val=20, length=(8, 100), max_depth=4, max_arguments=5))


def test_lengths_depths_and_arguments_are_within_the_settings() -> None:
    draw = random.Random(0)
    for _ in range(30):
        text, value, length = ListOpsDrawing(PUBLISHED).expression(draw)
        tokens = [token for token in text.split() if token not in "()"]
        assert 500 < len(tokens) == length < 2000
        assert 0 <= value <= 9
        depth = deepest = 0
        arguments: list[int] = []
        for token in tokens:
            if token == "]":
                assert 2 <= arguments.pop() <= 10
                depth -= 1
            else:
                if arguments:
                    arguments[-1] += 1
                if token.startswith("["):
                    arguments.append(0)
                    depth += 1
            deepest = max(deepest, depth)
        assert deepest <= 9 and not arguments  # the tenth level has digits only


def test_a_lookup_of_the_first_token_reaches_the_accuracy_of_the_printed_models() -> None:
    draw, generator = random.Random(0), ListOpsDrawing(PUBLISHED)
    expressions = [generator.expression(draw) for _ in range(500)]
    answers = {"[MAX": 9, "[MIN": 0, "[MED": 4, "[SM": 5}
    hits = [answers[e.text.replace("(", " ").split()[0]] == e.value for e in expressions]
    assert sum(hits) / len(hits) == pytest.approx(0.367, abs=0.07)


def test_an_interrupted_generation_goes_on_with_the_missing_blocks(tmp_path: Path) -> None:
    whole = ensure(SMALL, tmp_path / "whole", progress=False, workers=0)
    partial = tmp_path / "cut" / f"{folder_name(SMALL.settings)}.partial"
    (partial / "blocks").mkdir(parents=True)
    first = SMALL.parts()[0]
    ((path, content),) = SMALL.files(first)
    (partial / path).write_bytes(content)
    made: list[object] = []

    class Counting(ListOpsDrawing):
        def files(self, part: Part) -> Iterator[tuple[Path, bytes]]:
            made.append(part)
            return super().files(part)

    root = ensure(Counting(SMALL.settings), tmp_path / "cut", progress=False, workers=0)
    assert first not in made and len(made) == len(SMALL.parts()) - 1
    assert (root / "basic_train.tsv").read_bytes() == (whole / "basic_train.tsv").read_bytes()


def test_repeated_expressions_are_left_out(tmp_path: Path) -> None:
    short = ListOpsStandIn(num_train=100, num_val=20, length=(4, 6), max_depth=2, max_arguments=3)
    root = ensure(ListOpsDrawing(short), tmp_path, progress=False, workers=0)
    lines = [
        line for name in ("train", "val", "test") for line in (root / f"basic_{name}.tsv").read_text().splitlines()[1:]
    ]
    assert len(lines) == len(set(lines)) == 140


def test_only_the_published_settings_are_the_original() -> None:
    assert PUBLISHED.is_original and replace(PUBLISHED, seed=3).is_original
    assert not replace(PUBLISHED, max_depth=9).is_original and not SMALL.settings.is_original
    assert ListOpsDrawing(PUBLISHED).estimated_bytes() > 10**8
