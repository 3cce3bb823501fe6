"""Label propagation with a video transformer: its attention and features, its weights, and errors."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from interface.sizes import ClipSize, MaskedSequenceSize
from interface.targets import ClassTarget, MaskTarget
from models.heads import HeadConfig
from models.mixers.joint import JointAttention
from models.mixers.trajectory import TrajectoryAttention
from models.positions import SeparatePositions
from models.propagation import patch_votes
from models.propagation.label_propagation import Affinity, KeptMask, LabelPropagation
from models.propagation.rules import DINO, PropagationRules
from models.tokens import CubicTokens, Grid
from tests.models.mixers.test_contract import Largest
from tests.models.vit_models import small

SIZE = MaskedSequenceSize(5, 24, 40)
BACKBONE = small(positions=SeparatePositions.Config(side=4))
CONFIG = LabelPropagation.Config(backbone=BACKBONE, clip_frames=8)
GRID = Grid(4, 3, 5)


def built(config: LabelPropagation.Config = CONFIG, size: MaskedSequenceSize = SIZE) -> LabelPropagation:
    torch.manual_seed(0)
    return config.build(size, MaskTarget()).eval()


def clip() -> Tensor:
    return torch.randn(8, 3, 24, 40, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
@pytest.mark.parametrize("block", [-1, -2, 0])
def test_trajectory_affinity_is_the_attention_of_each_patch_to_each_frame(block: int) -> None:
    model = built(replace(CONFIG, block=block))
    queries, keys, is_attention = model.vectors(clip())
    assert is_attention and queries.shape == (4, 15, 8) and keys.shape == (4, 4, 15, 8)
    maps = (queries @ keys.mT).softmax(-1)  # (T, H, S, S)
    x, grid = model.backbone.tokens_before(block % 3, clip().unsqueeze(0))
    module = model.backbone.blocks[block]
    normed = module.norms[0](x)  # type: ignore[index, operator]
    for patch in (0, 7, 14):
        expected = module.mixers[0].spatial_map(normed, grid, 3 * 15 + patch)[0]  # type: ignore[index, operator]
        torch.testing.assert_close(maps[:, :, patch].transpose(0, 1), expected)


@torch.no_grad()
def test_one_head_has_the_vectors_of_that_head() -> None:
    every, one = built().vectors(clip()), built(replace(CONFIG, head=2)).vectors(clip())
    torch.testing.assert_close(one.keys, every.keys[:, 2:3])
    torch.testing.assert_close(one.queries, every.queries[2:3])


@torch.no_grad()
@pytest.mark.parametrize("affinity", ["keys", "tokens"])
def test_features_are_compared_by_cosine(affinity: Affinity) -> None:
    model = built(replace(CONFIG, affinity=affinity))
    queries, keys, is_attention = model.vectors(clip())
    assert not is_attention and keys.shape == (4, 1, 15, 32)
    torch.testing.assert_close((queries @ keys[-1].mT)[0].diagonal(), torch.ones(15))


@torch.no_grad()
def test_tokens_are_the_normalised_outputs_of_the_block() -> None:
    model = built(replace(CONFIG, affinity="tokens"))
    x, _ = model.backbone.tokens_before(3, clip().unsqueeze(0))
    expected = torch.nn.functional.normalize(model.backbone.norm(x)[0, 1:], dim=-1)
    torch.testing.assert_close(model.vectors(clip()).keys.flatten(0, 2), expected)


def test_only_the_rows_of_the_target_are_queries_in_the_last_block(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    original = TrajectoryAttention.queries
    monkeypatch.setattr(
        TrajectoryAttention, "queries", lambda mixer, x: (lengths.append(x.shape[1]), original(mixer, x))[1]
    )
    with torch.no_grad():
        built().vectors(clip())
    assert lengths == [GRID.patches]


@pytest.mark.parametrize("affinity", ["trajectory", "query-key", "keys", "tokens"])
@pytest.mark.parametrize("rules", [PropagationRules(), DINO], ids=["crw", "dino"])
def test_masks_have_the_size_of_the_given_mask_and_sequences_may_have_any_size(
    affinity: Affinity, rules: PropagationRules
) -> None:
    model = built(replace(CONFIG, affinity=affinity, rules=rules))
    for height, width in ((24, 40), (40, 16)):
        first = torch.zeros(1, 1, height + 3, width + 5, dtype=torch.uint8)
        first[..., :12, :9] = 1
        found = model(torch.randn(1, 5, 3, height, width), first)
        assert found.shape == (1, 5, height + 3, width + 5) and found.dtype == torch.uint8
        assert (found[:, 0] == first[:, 0]).all() and found.max() <= 1


def test_equal_frames_keep_an_object_in_place() -> None:
    frames = torch.randn(1, 1, 3, 24, 40).expand(-1, 5, -1, -1, -1)
    first = torch.zeros(1, 1, 24, 40, dtype=torch.uint8)
    first[..., 8:16, 8:24] = 1
    config = replace(CONFIG, affinity="tokens", clips="still", rules=replace(DINO, topk=1))
    assert (built(config)(frames, first)[0] == first[0, 0]).float().mean() > 0.9


def test_weights_of_a_classifier_fill_the_backbone_without_its_head() -> None:
    torch.manual_seed(3)
    square = replace(BACKBONE, positions=SeparatePositions.Config())
    classifier = square.build(ClipSize(8, 32, 32), ClassTarget(7))
    model = built()
    report = CONFIG.copy_from(model, classifier.state_dict())
    assert report is not None
    own, given = model.backbone.state_dict(), classifier.state_dict()
    assert set(given) - set(own) == {name for name in given if name.startswith("head.")}
    assert all(torch.equal(own[name], given[name]) for name in own)


def test_weights_trained_with_clips_of_another_length_are_refused() -> None:
    classifier = replace(BACKBONE, positions=SeparatePositions.Config()).build(ClipSize(4, 32, 32), ClassTarget(7))
    with pytest.raises(ValueError, match=r"model\.clip_frames is 8; the weights have positions\.time \(1, 2, 32\)"):
        CONFIG.copy_from(built(), classifier.state_dict())


def test_other_parents_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot fill the backbone"):
        CONFIG.check_parent("", KeptMask.Config())


def test_joint_attention_has_tokens() -> None:
    config = replace(CONFIG, backbone=replace(BACKBONE, attention=JointAttention.Config()), affinity="tokens")
    assert built(config)(torch.randn(1, 3, 3, 24, 40), torch.ones(1, 1, 24, 40, dtype=torch.uint8)).shape == (
        1,
        3,
        24,
        40,
    )


def test_macs_are_those_of_the_clips() -> None:
    one = replace(BACKBONE, head=HeadConfig()).macs(SIZE.clip(8), MaskTarget())
    assert CONFIG.macs(SIZE, MaskTarget()) == 4 * one  # the first frame is given
    assert replace(CONFIG, clips="window").macs(SIZE, MaskTarget()) == 2 * one
    assert replace(CONFIG, clips="still").macs(SIZE, MaskTarget()) == 5 * one
    long = replace(CONFIG, rules=replace(DINO, context=5))
    assert long.macs(SIZE, MaskTarget()) == 5 * one  # frame 4 has four sources, of which a clip holds three
    assert CONFIG.cost(SIZE, MaskTarget()).parameters == sum(p.numel() for p in built().parameters())


def test_kept_mask_keeps_the_mask() -> None:
    model = KeptMask.Config().build(SIZE, MaskTarget())
    frames, masks = SIZE.example(2)
    found = model(frames, masks)
    assert found.shape == (2, 5, 24, 40) and (found == masks).all()
    assert KeptMask.Config().is_control and KeptMask.Config().cost(SIZE, MaskTarget()).parameters == 0


@pytest.mark.parametrize("affinity", ["trajectory", "query-key", "tokens"])
def test_no_map_of_all_pairs_of_tokens_is_in_memory(affinity: Affinity, monkeypatch: pytest.MonkeyPatch) -> None:
    size = MaskedSequenceSize(4, 64, 96)
    config = replace(CONFIG, affinity=affinity, backbone=replace(BACKBONE, tokens=CubicTokens.Config(patch=4)))
    model, grid = built(config, size), config.grid(size)
    frames, masks = size.example(1)
    monkeypatch.setattr(patch_votes, "MAX_NUMBERS", 2**14)
    with Largest() as largest:
        model(frames, masks)
    assert largest.elements < grid.tokens**2 / 8
