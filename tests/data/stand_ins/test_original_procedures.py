"""Generated ListOps and Pathfinder: the original procedures."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.datasets.pathfinder import TINY
from data.stand_ins.drawing import pathfinder
from data.stand_ins.drawing.ensure import ensure
from data.stand_ins.drawing.listops import ListOpsDrawing, Part
from data.stand_ins.drawing.pathfinder import PathfinderDrawing, Picture, needed_cells
from data.stand_ins.of_sequences import ListOpsStandIn, PathfinderStandIn
from data.stand_ins.stand_in import StandIn, folder_name

PUBLISHED = ListOpsStandIn()
SMALL = ListOpsDrawing(ListOpsStandIn(num_train=230, num_val=20, length=(8, 100), max_depth=4, max_arguments=5))
SETTINGS = PathfinderStandIn(num_train=8, num_val=1, contour=6)
EASY = PathfinderDrawing(SETTINGS)


@pytest.mark.parametrize(
    ("published", "other"), [(PUBLISHED, replace(PUBLISHED, max_depth=9)), (PathfinderStandIn(), SETTINGS)]
)
def test_only_the_published_settings_are_the_original(published: StandIn, other: StandIn) -> None:
    assert published.is_original and replace(published, seed=3).is_original and not other.is_original


def test_published_sizes_are_divided_into_parts_and_estimated() -> None:
    assert ListOpsDrawing(PUBLISHED).estimated_bytes() > 10**8
    assert len(PathfinderDrawing(PathfinderStandIn()).parts()) == 4000


# ListOps


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


# Pathfinder


@pytest.mark.parametrize(
    ("settings", "digest"),
    [
        (SETTINGS, "17eb0ce2c6af3a9d"),
        (PathfinderStandIn(), "c06ed1765f38b356"),
        (TINY, "1d34bd4891672e8f"),
        (replace(SETTINGS, single_paddles=True, stretches=False), "11b9ebf123f6bb92"),
    ],
)
def test_pictures_are_pinned(settings: PathfinderStandIn, digest: str) -> None:
    drawing = PathfinderDrawing(settings)
    pictures = [drawing.picture(number) for number in range(3)]
    content = b"".join(picture.tobytes() + bytes([label]) for picture, label in pictures)
    assert hashlib.sha256(content).hexdigest()[:16] == digest


def test_the_discs_are_on_one_snake_for_label_1_and_on_two_for_label_0(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[tuple[list, list[tuple[int, int]]]] = []
    long_snakes, disc = Picture.long_snakes, pathfinder.disc

    def snakes(self: Picture) -> list:
        found.append((long_snakes(self), []))
        return found[-1][0]

    monkeypatch.setattr(Picture, "long_snakes", snakes)
    monkeypatch.setattr(pathfinder, "disc", lambda all, centre: found[-1][1].append(centre) or disc(all, centre))
    for number in range(6):
        _, label = EASY.picture(number)
        both, (start, end) = found[-1]
        of_start = next(index for index, snake in enumerate(both) if snake[0].tail == start)
        of_end = next(index for index, snake in enumerate(both) if snake[-1].head == end)
        assert (of_start == of_end) == bool(label)
        assert [len(snake) for snake in both] == [6, 6]


@pytest.mark.slow
def test_published_pictures_agree_with_official_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of 330 pictures of the official generator, and standard errors of the difference of two samples."""
    official = {"mean": 20.0, "lit": 0.339, "bright": 0.084, "row": 18.3, "column": 19.5, "tries": 327}
    tries: list[list | None] = []

    def long_snakes(self: Picture) -> list:
        tries.append(None)
        tries[-1] = made = snakes(self)
        return made

    snakes = Picture.long_snakes
    monkeypatch.setattr(Picture, "long_snakes", long_snakes)
    found = []
    for number in range(330):
        tries.clear()
        picture, _ = PathfinderDrawing(PathfinderStandIn()).picture(number)
        assert tries[-1] is not None
        end = tries[-1][0][-1].head
        found.append((picture.mean(), (picture > 0).mean(), (picture > 128).mean(), *end, len(tries)))
    values = np.array(found, np.float64)
    for name, expected, column in zip(official, official.values(), values.T, strict=True):
        assert abs(column.mean() - expected) < 3 * column.std() * np.sqrt(2 / len(values)), name


def test_snakes_start_in_the_directions_of_the_official_generator_or_in_any() -> None:
    degrees = range(-180, 180)
    released, any_direction = (
        [degree for degree in degrees if len(needed_cells(settings, np.radians(degree)))]
        for settings in (PathfinderStandIn(), PathfinderStandIn(first_paddles="any"))
    )
    assert released == list(range(-150, -120)) and any_direction == list(degrees)


def test_paddles_that_start_nowhere_are_refused() -> None:
    with pytest.raises(ValueError, match="first_paddles is 'as released', where no paddle of this length"):
        PathfinderDrawing(PathfinderStandIn(paddle_length=1))
