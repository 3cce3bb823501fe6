from dataclasses import replace
from pathlib import Path

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.attention_query import MapsAttention, Patch, PointQuery
from models.imagenet import ImageNet
from models.mixers.joint import JointAttention
from models.mixers.trajectory import TrajectoryAttention
from models.motionformer.attention_maps import spatial_map
from models.motionformer.model import Motionformer
from models.motionformer.weights import released_names
from models.positions import SeparatePositions
from models.tokens import CubicTokens

SIZE, TARGET = ClipSize(8, 16, 24), ClassTarget(5)
SMALL = Motionformer.Config(
    width=32,
    depth=4,
    heads=4,
    tokens=CubicTokens.Config(patch=8),
    positions=SeparatePositions.Config(side=2),
    init=None,
)


def built(config: Motionformer.Config = SMALL, target: ClassTarget = TARGET, seed: int = 0) -> Motionformer:
    """Model without zero weights."""
    torch.manual_seed(seed)
    model = config.build(SIZE, target).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) / 5)
    return model


def test_the_default_is_the_papers_model() -> None:
    config = Motionformer.Config()
    assert (config.width, config.depth, config.heads, config.mlp_ratio, config.drop_path) == (768, 12, 12, 4.0, 0.2)
    assert config.tokens == CubicTokens.Config(patch=16, tubelet=2)
    assert isinstance(config.positions, SeparatePositions.Config)
    assert config.attention == TrajectoryAttention.Config(
        temporal="attention", normalize_over="space", project_values=False
    )
    assert config.init == ImageNet.Config(name="vit_base_patch16_224.orig_in21k_ft_in1k")


def test_a_model_copies_a_run_of_other_classes_and_attention() -> None:
    source = built(target=ClassTarget(9), seed=1).state_dict()
    config = replace(SMALL, attention=JointAttention.Config())
    model = built(config)
    report = config.copy_from(model, source)
    assert set(report.missing) == {"head.weight", "head.bias"}
    assert torch.equal(model.get_parameter("blocks.1.mixers.0.qkv.weight"), source["blocks.1.mixers.0.qkv.weight"])


def test_a_part_is_refused() -> None:
    model = built()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=r"^a Motionformer has no part 'space' that another run can fill$"):
        SMALL.copy_from(model, built(seed=1).state_dict(), "space")
    torch.testing.assert_close(dict(model.state_dict()), before)


def test_a_released_file_is_read(tmp_path: Path) -> None:
    source, model = built(seed=1).state_dict(), built()
    names = released_names(source)
    torch.save({"model_state": {names[name]: tensor for name, tensor in source.items()}}, tmp_path / "a.pyth")
    report = SMALL.load_released(model, tmp_path / "a.pyth", SIZE)
    assert report.missing == report.unexpected == ()
    torch.testing.assert_close(dict(model.state_dict()), dict(source))


@pytest.mark.parametrize(("linear_std", "warned"), [(0.02, True), (0.2, False)])
def test_value_projections_with_the_initial_std_of_the_config_count_as_untrained(
    linear_std: float, warned: bool, tmp_path: Path
) -> None:
    source = SMALL.build(SIZE, TARGET).state_dict()
    for name, tensor in source.items():
        if name.endswith("proj_kv.weight"):
            tensor *= 0.2 / tensor[32:].std()
    names = released_names(source)
    torch.save({"model_state": {names[name]: tensor for name, tensor in source.items()}}, tmp_path / "a.pyth")
    config = replace(SMALL, linear_std=linear_std)
    assert bool(config.load_released(built(config), tmp_path / "a.pyth", SIZE).warnings) == warned


def test_attention_of_a_point_is_the_spatial_map_of_its_patch() -> None:
    model, clip = built(), torch.randn(8, 3, 16, 24)
    assert isinstance(model, MapsAttention)
    of_head = model.attention_of((clip,), PointQuery(frame=3, x=0.9, y=0.6, block=1, head=2))
    assert of_head[1:] == (Patch(3, 1, 2), 1, 4, 2, 4, None, False, None)
    heads = spatial_map(model, clip, Patch(3, 1, 2), 1)  # (H, T, S)
    torch.testing.assert_close(of_head.maps, heads[2].unflatten(1, (2, 3)))
    assert of_head.maps.shape == (4, 2, 3) and of_head.maps.std() > 0.01


def test_the_default_attention_is_the_mean_over_the_heads_of_the_last_block_but_one() -> None:
    model, clip = built(), torch.randn(8, 3, 16, 24)
    found = model.attention_of((clip,), PointQuery(frame=0, x=0.0, y=0.0))
    assert found[1:] == (Patch(0, 0, 0), 2, 4, None, 4, None, False, None)
    heads = spatial_map(model, clip, Patch(0, 0, 0), 2)  # (H, T, S)
    torch.testing.assert_close(found.maps, heads.mean(dim=0).unflatten(1, (2, 3)))


@pytest.mark.parametrize(
    ("frame", "x", "block", "head", "message"),
    [
        (4, 0.5, None, None, "frame 4: the clip has the token frames 0 to 3"),
        (0, 1.5, None, None, "point 1.5,0.5"),
        (0, 0.5, 3, None, "block 3: choose one from 0 to 2"),
        (0, 0.5, None, 4, "^head 4: choose one from 0 to 3$"),
        (0, 0.5, None, -1, "^head -1: choose one from 0 to 3$"),
    ],
)
def test_missing_points_blocks_and_heads_are_refused(
    frame: int, x: float, block: int | None, head: int | None, message: str
) -> None:
    model, query = built(), PointQuery(frame, x, 0.5, block, head)
    with pytest.raises(ValueError, match=message):
        model.attention_of((torch.randn(8, 3, 16, 24),), query)
    with pytest.raises(ValueError, match=message):
        model.check_query(SIZE, query)


@pytest.mark.parametrize(("block", "head"), [(None, None), (2, 3), (0, 0)])
def test_a_query_that_exists_is_accepted_without_a_clip(block: int | None, head: int | None) -> None:
    model = SMALL.on_meta(SIZE, TARGET)
    assert isinstance(model, MapsAttention)
    model.check_query(SIZE, PointQuery(3, 1.0, 0.0, block, head))


def test_a_name_of_an_attention_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^attention 's2t': the model has one attention, which has no name"):
        built().check_query(SIZE, PointQuery(0, 0.5, 0.5, attention="s2t"))


def test_a_query_is_checked_against_the_size_of_the_clip() -> None:
    with pytest.raises(ValueError, match="frame 3: the clip has the token frames 0 to 1"):
        built().check_query(ClipSize(4, 16, 24), PointQuery(3, 0.5, 0.5))


def test_a_query_to_attention_without_maps_is_refused() -> None:
    model = built(replace(SMALL, attention=JointAttention.Config()))
    with pytest.raises(ValueError, match="choose a row with trajectory attention"):
        model.check_query(SIZE, PointQuery(0, 0.5, 0.5))


def test_without_init_a_model_keeps_its_random_weights(tmp_path: Path) -> None:
    model = built()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert SMALL.initialise(model, tmp_path / "absent") == ()
    torch.testing.assert_close(dict(model.state_dict()), before)


def test_initial_weights_are_read_from_the_folder_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = replace(SMALL, init=ImageNet.Config(name="vit_base_patch16_224.orig_in21k_ft_in1k"))
    vit = VisionTransformer(img_size=16, patch_size=8, embed_dim=32, depth=4, num_heads=4, num_classes=3)
    torch.save(vit.state_dict(), tmp_path / "vit_base_patch16_224.orig_in21k_ft_in1k.pth")
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path))
    model = built(config)
    (report,) = config.initialise(model)
    assert report.source == "vit_base_patch16_224.orig_in21k_ft_in1k.pth"
    assert torch.equal(model.get_parameter("cls"), vit.get_parameter("cls_token"))
