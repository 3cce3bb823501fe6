"""Mixup and CutMix: pairs of items, weights, and random draws."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from data.loaders import EpochBatches
from data.transforms.pixels import normalized
from lightning_modules.mixup import Mixed, Mixup
from lightning_modules.task import Place

MIXUP = Mixup.Config(alpha=0.8)
MODES = ("batch", "pair", "elem")


def clips(batch: int = 6, frames: int = 2, side: int = 8) -> Tensor:
    return torch.rand(batch, frames, 3, side, side, generator=torch.Generator().manual_seed(0))


def mixed(config: Mixup.Config, inputs: Tensor, seed: int = 0) -> Mixed:
    return config.build()(inputs, torch.Generator().manual_seed(seed))


def same_numpy_state(before: tuple, after: tuple) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("mode", MODES)
def test_a_mix_depends_only_on_the_seed_and_does_not_change_numpy_s_state(mode: str) -> None:
    config = Mixup.Config(alpha=0.8, cutmix_alpha=1.0, mode=mode)  # pyright: ignore[reportArgumentType]
    results = []
    for outer in (1, 2, 2):
        np.random.seed(outer)
        np.random.rand(outer)
        before, before_torch = np.random.get_state(), torch.get_rng_state()
        results.append(mixed(config, clips(), seed=7))
        assert same_numpy_state(before, np.random.get_state())  # pyright: ignore[reportArgumentType]
        assert torch.equal(torch.get_rng_state(), before_torch)
    for result in results[1:]:
        assert torch.equal(result.inputs, results[0].inputs)
        assert torch.equal(result.weights, results[0].weights)
    assert not torch.equal(mixed(config, clips(), seed=8).weights, results[0].weights)


def test_numpy_s_state_is_restored_when_mixing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*arguments: float) -> float:
        raise KeyError

    monkeypatch.setattr(np.random, "beta", failing)
    before = np.random.get_state()
    with pytest.raises(KeyError):
        mixed(MIXUP, clips())
    assert same_numpy_state(before, np.random.get_state())  # pyright: ignore[reportArgumentType]


def test_each_call_advances_its_generator() -> None:
    generator, mixup = torch.Generator().manual_seed(0), MIXUP.build()
    first, second = mixup(clips(), generator), mixup(clips(), generator)
    assert not torch.equal(first.weights, second.weights)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(6, 2, 3, 8, 8), (6, 3, 8, 8)], ids=["clips", "images"])
def test_mixed_items_are_weighted_sums(mode: str, shape: tuple[int, ...]) -> None:
    inputs = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    kept = inputs.clone()
    config = Mixup.Config(alpha=0.8, mode=mode)  # pyright: ignore[reportArgumentType]
    result = mixed(config, inputs)
    torch.testing.assert_close(result.weights.sum(1), torch.ones(6))
    assert (result.weights >= 0).all()
    torch.testing.assert_close(result.inputs, torch.einsum("bj,j...->b...", result.weights, inputs))
    assert result.inputs.shape == inputs.shape
    assert torch.equal(inputs, kept)
    # Item i is mixed only with item i counted from the end.
    partners = torch.eye(6).bool() | torch.eye(6).flip(0).bool()
    assert not result.weights[~partners].any()
    own = result.weights.diag()
    assert (own < 1).all()
    # One weight per batch, pair or item.
    assert len({round(weight, 4) for weight in own.tolist()}) == {"batch": 1, "pair": 3, "elem": 6}[mode]


@pytest.mark.parametrize("mode", MODES)
def test_cutmix_pastes_one_box_into_all_frames_and_weights_are_areas(mode: str) -> None:
    inputs = clips(6, frames=3, side=16)
    kept = inputs.clone()
    config = Mixup.Config(alpha=0.0, cutmix_alpha=1.0, mode=mode)  # pyright: ignore[reportArgumentType]
    areas = []
    for seed in range(5):
        result = mixed(config, inputs, seed)
        assert torch.equal(inputs, kept)
        torch.testing.assert_close(result.weights.sum(1), torch.ones(6))
        for item in range(6):
            own = (result.inputs[item] == inputs[item]).all(1)  # (F, height, width)
            assert (result.inputs[item] == torch.where(own[:, None], inputs[item], inputs[5 - item])).all()
            assert (own == own[:1]).all()
            assert result.weights[item, item] == pytest.approx(own[0].float().mean().item())
            assert result.weights[item, 5 - item] == pytest.approx(1 - own[0].float().mean().item(), abs=1e-6)
            rows, columns = torch.nonzero(~own[0], as_tuple=True)
            if len(rows):
                height, width = (int(pixels.max() - pixels.min()) + 1 for pixels in (rows, columns))
                assert height * width == len(rows)  # a box
            areas.append(own[0].float().mean().item())
    assert len(set(areas)) > 3


def test_the_switch_probability_chooses_between_mixup_and_cutmix() -> None:
    inputs = clips(side=16)

    def num_cut(switch_probability: float) -> int:
        config = Mixup.Config(alpha=0.8, cutmix_alpha=1.0, switch_probability=switch_probability)
        results = [mixed(config, inputs, seed).inputs for seed in range(40)]
        return sum(bool(((result == inputs) | (result == inputs.flip(0))).all()) for result in results)

    assert (num_cut(0.0), num_cut(1.0)) == (0, 40)
    assert 12 < num_cut(0.5) < 28


def test_weights_follow_the_beta_distribution_of_alpha() -> None:
    config = Mixup.Config(alpha=0.3, mode="elem")
    weights = torch.cat([mixed(config, torch.zeros(50, 3, 1, 1), seed).weights.diag() for seed in range(40)]).double()
    assert weights.mean().item() == pytest.approx(0.5, abs=0.03)
    assert weights.var().item() == pytest.approx(1 / (4 * (2 * 0.3 + 1)), abs=0.01)


def test_channels_last_clips_are_mixed_like_contiguous_ones() -> None:
    """Decoded frames are channels last in memory."""
    pixels = torch.randint(0, 256, (4, 2, 8, 8, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    inputs = normalized(pixels.permute(0, 1, 4, 2, 3), 0.5, 0.5)
    assert not inputs.is_contiguous()
    torch.testing.assert_close(mixed(MIXUP, inputs), mixed(MIXUP, inputs.contiguous()))


def test_batches_are_mixed_with_the_configured_probability() -> None:
    config = Mixup.Config(probability=0.25)
    num_unchanged = sum(torch.equal(mixed(config, clips(2), seed).weights, torch.eye(2)) for seed in range(400))
    assert 260 < num_unchanged < 340


# Groups of clips


def mixed_in_parts(config: Mixup.Config, inputs: Tensor, part: int, place: Place) -> Mixed:
    """Items that are mixed in micro-batches of a number of items, each with its own generator."""
    mixup, generator = config.build(), torch.Generator()
    parts = [
        mixup(clips, generator.manual_seed(first), place._replace(start=place.start + first))
        for first, clips in zip(range(0, len(inputs), part), inputs.split(part), strict=True)
    ]
    return Mixed(torch.cat([mixed.inputs for mixed in parts]), torch.block_diag(*[mixed.weights for mixed in parts]))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("partner", ["reversed", "permuted"])
def test_draws_of_groups_do_not_depend_on_the_micro_batch(partner: str, mode: str) -> None:
    config = Mixup.Config(
        cutmix_alpha=1.0,
        mode=mode,  # pyright: ignore[reportArgumentType]
        clips_per_lambda=24,
        clips_per_exchange=8,
        partner=partner,  # pyright: ignore[reportArgumentType]
    )
    inputs, place = clips(48), Place(seed=3, epoch=1, start=96)
    whole = mixed_in_parts(config, inputs, 48, place)
    for part in (8, 16, 24):
        parts = mixed_in_parts(config, inputs, part, place)
        assert torch.equal(parts.inputs, whole.inputs) and torch.equal(parts.weights, whole.weights)
    for part, devices in ((8, 2), (24, 2), (16, 3)):
        for rank, batch in product(range(devices), range(48 // (part * devices))):
            order = EpochBatches(48, part, 0, rank=rank, world_size=devices)
            own = slice(*order.bounds(batch))
            parts = config.build()(inputs[own], torch.Generator(), place._replace(start=96 + own.start))
            assert torch.equal(parts.inputs, whole.inputs[own])
    for other in (Place(4, 1, 96), Place(3, 2, 96), Place(3, 1, 48)):
        assert not torch.equal(mixed_in_parts(config, inputs, 48, other).weights, whole.weights)


def test_clips_share_a_lambda_and_exchange_partners_among_their_groups() -> None:
    config = Mixup.Config(alpha=0.8, clips_per_lambda=24, clips_per_exchange=8, partner="permuted")
    result = mixed_in_parts(config, inputs := clips(48), 16, Place())
    torch.testing.assert_close(result.inputs, torch.einsum("bj,j...->b...", result.weights, inputs))
    others = result.weights * (1 - torch.eye(48))
    partners = [row.nonzero().flatten().tolist() for row in others]
    assert all(
        len(found) <= 1 and all(item // 8 == place // 8 for place in found) for item, found in enumerate(partners)
    )
    lambdas = [{round(float(w), 5) for w in others[first : first + 24].unique() if w} for first in (0, 24)]
    assert [len(found) for found in lambdas] == [1, 1] and lambdas[0] != lambdas[1]
    groups = [[place - first for found in partners[first : first + 8] for place in found] for first in range(0, 48, 8)]
    assert len(set(map(tuple, groups))) == 6


def test_a_random_partner_leaves_one_clip_of_an_exchange_unmixed_on_average() -> None:
    config = Mixup.Config(alpha=0.8, clips_per_lambda=64, clips_per_exchange=8, partner="permuted")
    mixup = config.build()
    kept = [mixup(torch.zeros(8, 3, 1, 1), torch.Generator(), Place(start=8 * n)).weights.diag() for n in range(400)]
    assert (torch.cat(kept) > 0.9999).double().mean().item() == pytest.approx(1 / 8, abs=0.02)


@pytest.mark.parametrize(("shared", "exchanged"), [(64, None), (None, 8), (60, 8), (9, 3)])
def test_groups_that_do_not_fit_are_refused(shared: int | None, exchanged: int | None) -> None:
    with pytest.raises(
        ValueError, match=f"clips_per_lambda is {shared} and clips_per_exchange {exchanged}; the second"
    ):
        Mixup.Config(clips_per_lambda=shared, clips_per_exchange=exchanged).build()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (torch.zeros(2, 4), r"mixes images or clips, and an item has the shape \(4,\)"),
        (clips(1), "mixes pairs, and a batch has 1 items; use an even --micro-batch"),
        (clips(7), "mixes pairs, and a batch has 7 items; use an even --micro-batch"),
    ],
)
def test_inputs_that_are_no_images_or_an_odd_batch_are_refused(inputs: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mixed(MIXUP, inputs)
