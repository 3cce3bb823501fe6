"""RandAugment: its random draws beside the released code."""

import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from data.items import seeded
from data.transforms.clip_operations import RAMP, Lookup
from data.transforms.pillow_operations import FILTERS
from data.transforms.rand_augment import Maker, RandAugment
from data.transforms.tensor_operations import OPERATIONS
from tests.data.pictures import picture


def counted(monkeypatch: pytest.MonkeyPatch, config: RandAugment.Config, clips: int) -> list[list[tuple]]:
    """Number, strength and sign of the operations on each of some clips, of three that leave a clip as it is."""
    drawn: list[tuple] = []

    def maker(number: int) -> Maker:
        return lambda strength, sign: drawn.append((number, strength, sign)) or Lookup(RAMP)

    replaced = tuple(maker(number) for number in range(3))
    monkeypatch.setattr("data.transforms.tensor_operations.OPERATIONS", replaced)
    augment, found = config.build(), []
    with seeded(0):
        for _ in range(clips):
            augment.drawn()(torch.zeros(1, 3, 2, 2, dtype=torch.uint8))
            found.append(drawn.copy())
            drawn.clear()
    return found


def test_two_operations_are_drawn_with_replacement_for_half_of_the_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = Counter(tuple(number for number, *_ in clip) for clip in counted(monkeypatch, RandAugment.Config(), 1800))
    assert 820 < counts.pop(()) < 980
    assert sorted(counts) == [(one, two) for one in range(3) for two in range(3)]
    assert 60 < min(counts.values()) <= max(counts.values()) < 140


@pytest.mark.parametrize("magnitude", [15.0, 20.0])
def test_magnitudes_above_ten_act_as_ten_with_both_signs(magnitude: float, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = counted(monkeypatch, RandAugment.Config(magnitude=magnitude, probability=1.0), 500)
    counts = Counter((strength, sign) for clip in drawn for _, strength, sign in clip)
    assert sorted(counts) == [(1.0, -1), (1.0, 1)] and 425 < counts[1.0, 1] < 575


def test_independent_operations_are_applied_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = counted(monkeypatch, RandAugment.Config(magnitude=7.0, num_operations=4, independent=True), 1600)
    for number, count in {0: 100, 1: 400, 2: 600, 3: 400, 4: 100}.items():  # each with probability 1/2
        assert sum(len(clip) == number for clip in drawn) == pytest.approx(count, abs=5 * count**0.5)
    strengths = [strength for clip in drawn for _, strength, _ in clip]
    assert np.mean(strengths) == pytest.approx(0.7, abs=0.01) and np.std(strengths) == pytest.approx(0.05, abs=0.005)


Draws = list[list[tuple[int, int, int]]]  # of each frame: operation, sign and filter


def released_draws(num_frames: int, rng: np.random.RandomState) -> Draws:
    """Draws of the released code: it seeds both of its generators before each operation of each frame."""
    seed, drawn = int(rng.randint(10**8)), []
    of_operations = rng
    for _ in range(num_frames):
        frame = []
        for operation in of_operations.choice(len(OPERATIONS), 2):
            of_amounts, of_operations = random.Random(seed), np.random.RandomState(seed)
            if of_amounts.random() <= 0.5:
                assert of_amounts.gauss(20, 0.5) > 10
                sign = -1 if of_amounts.random() > 0.5 else 1
                frame.append((int(operation), sign, of_amounts.choice(FILTERS)))
        drawn.append(frame)
    return drawn


def our_draws(num_frames: int, monkeypatch: pytest.MonkeyPatch) -> Draws:
    drawn: list[tuple[int, int, int]] = []

    def recorded(index: int, filter: Image.Resampling) -> Maker:
        return lambda strength, sign: drawn.append((index, sign, filter)) or Lookup(RAMP)

    def replaced(filter: Image.Resampling) -> list[Maker]:
        return [recorded(index, filter) for index in range(len(OPERATIONS))]

    monkeypatch.setattr("data.transforms.pillow_operations.operations", replaced)
    RandAugment.Config(as_released=True).build().drawn()
    return [drawn[:2], *(num_frames - 1) * [drawn[2:]]]


def properties(clips: list[Draws]) -> dict[str, float]:
    """Shares of clips with a property, among the augmented ones but for the first property."""
    augmented = [clip for clip in clips if any(clip)]

    def share(holds: Callable[[Draws], bool]) -> float:
        return sum(map(holds, augmented)) / len(augmented)

    return {
        "augmented": len(augmented) / len(clips),
        "two operations on every frame": share(lambda clip: all(len(frame) == 2 for frame in clip)),
        "frames after the first alike": share(lambda clip: all(frame == clip[1] for frame in clip[1:])),
        "first frame alike": share(lambda clip: clip[0] == clip[1]),
        "one operation twice": share(lambda clip: clip[1][0][0] == clip[1][1][0]),
        "one sign and one filter": share(lambda clip: len({draw[1:] for frame in clip for draw in frame}) == 1),
        "positive": share(lambda clip: clip[0][0][1] == 1),
        "bilinear": share(lambda clip: clip[0][0][2] == FILTERS[0]),
    }


def test_draws_as_released_have_the_properties_of_the_released_generators(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.RandomState(0)
    theirs = properties([released_draws(4, rng) for _ in range(1000)])
    with seeded(0):
        ours = properties([our_draws(4, monkeypatch) for _ in range(1000)])
    assert ours == pytest.approx(theirs, abs=0.06)
    for name, share in {"frames after the first alike": 1, "one sign and one filter": 1}.items():
        assert ours[name] == theirs[name] == share
    assert ours["first frame alike"] < 0.02


@pytest.mark.parametrize("as_released", [False, True])
def test_reversed_channels_change_what_depends_on_their_order_alone(as_released: bool) -> None:
    frames = picture()
    plain, swapped = (
        RandAugment.Config(as_released=as_released, reversed_channels=reverse, probability=1.0).build()
        for reverse in (False, True)
    )
    for seed in range(20):
        with seeded(seed):
            expected = plain.drawn()(frames.flip(1)).flip(1)
        with seeded(seed):
            assert torch.equal(swapped.drawn()(frames), expected)


@pytest.mark.parametrize("name", ["independent", "bicubic"])
def test_settings_of_different_codes_exclude_each_other(name: str) -> None:
    with pytest.raises(ValueError, match=rf"as_released and \.{name} exclude each other"):
        RandAugment.Config(as_released=True, **{name: True})
