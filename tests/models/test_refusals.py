"""What the configs of all models refuse: values out of range when they are made, and what cannot be built."""

import math
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from interface.ranges import CheckedConfig
from interface.sizes import ClipSize, InputSize, MaskedSequenceSize, PoseClipSize, TokenSequenceSize
from interface.targets import ClassTarget
from models.baselines.blvnet import BLVNet
from models.baselines.nonlocal_networks import NonLocalI3D, SlowFast
from models.baselines.tea import TEA
from models.cast.bottleneck import BottleneckExchange, FullWidthExchange
from models.cast.clip_expert import ClipExpert
from models.cast.frame_expert import ImageExpert
from models.cast.heads import ExpertHead
from models.cast.stream import AdaptersConfig
from models.deform3d.backbone import MixedConvNet
from models.deform3d.deformable import DeformableAttention
from models.deform3d.heads import ClsHead
from models.deform3d.windows import Windows
from models.framewise.model import FrameMeanHead, FramePositions
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.linformer import Linformer
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer
from models.model import ModelConfig
from models.msca.attention import HeadShift, TokenGroupShift
from models.msca.model import MSCA, TokenShift
from models.positions import JointPositions, SeparatePositions
from models.propagation.label_propagation import LabelPropagation
from models.propagation.rules import DINO
from models.sequence.encoder import FirstToken, SequenceEncoder
from models.tokens import CubicTokens, SquareTokens
from models.xvit.heads import TemporalAttentionHead
from models.xvit.mixing import SpaceTimeMixing
from models.xvit.model import TSMViT
from tests.models.cast.cast_models import IMAGE, VIDEO
from tests.models.cast.cast_models import SIZE as CAST_SIZE
from tests.models.cast.cast_models import small as cast
from tests.models.deform3d.deform_models import SIZE as POSE_CLIP
from tests.models.deform3d.deform_models import small as deform
from tests.models.test_trunk import approximated
from tests.models.vit_models import small as vit

COUNT, POSITIVE, NOT_NEGATIVE = (0, -3), (0.0, -1.0, math.inf, math.nan), (-0.1, math.inf, math.nan)
RATE, HUGE = (1.0, -0.1, math.nan), (10**24,)
VIT = vit()
PROPAGATION = LabelPropagation.Config(backbone=vit(positions=SeparatePositions.Config(side=4)), clip_frames=8)


# fmt: off
RANGES: list[tuple[CheckedConfig, str, tuple[object, ...]]] = [
    (VIT,                        "width depth heads",                     COUNT),
    (VIT,                        "mlp_ratio linear_std",                  POSITIVE),
    (VIT,                        "drop_path",                             RATE),
    (CubicTokens.Config(),       "patch tubelet",                         COUNT),
    (SquareTokens.Config(),      "patch",                                 COUNT),
    (SeparatePositions.Config(), "side",                                  COUNT),
    (JointPositions.Config(),    "side",                                  COUNT),
    (FramePositions.Config(),    "side period",                           COUNT),
    (FrameMeanHead.Config(),     "dropout",                               RATE),
    (FrameMeanHead.Config(),     "std",                                   NOT_NEGATIVE),
    (MSCA.Config(),              "blocks",                                ((-1,), (3, -2))),
    (TokenShift.Config(),        "division",                              (1, 0)),
    (TSMViT.Config(),            "division",                              (1, 0)),
    (HeadShift.Config(),         "past_heads future_heads",               (-1,)),
    (TokenGroupShift.Config(),   "past_tokens future_tokens",             (-1,)),
    (SpaceTimeMixing.Config(),   "window",                                (-1,)),
    (SpaceTimeMixing.Config(),   "segment_frames",                        COUNT),
    (SpaceTimeMixing.Config(),   "fraction",                              (-0.1, 1.1, math.nan)),
    (TemporalAttentionHead.Config(), "heads depth",                       COUNT),
    (TemporalAttentionHead.Config(), "dropout",                           RATE),
    (Linformer.Config(),         "num_prototypes",                        COUNT),
    (Nystromformer.Config(),     "num_prototypes num_iterations",         COUNT),
    (Nystromformer.Config(),     "conv_kernel",                           COUNT + HUGE),
    (Performer.Config(),         "num_features",                          COUNT),
    (Orthoformer.Config(),       "num_prototypes candidates_per_prototype", COUNT),
    (SequenceEncoder.Config(),   "width depth heads hidden head_hidden",  COUNT + HUGE),
    (SequenceEncoder.Config(),   "dropout attention_dropout",             RATE),
    (BLVNet.Config(),            "width alpha beta",                      COUNT),
    (BLVNet.Config(),            "blocks",                                ((3, 1, 6, 3),)),
    (TEA.Config(),               "width reduction",                       COUNT),
    (TEA.Config(),               "blocks",                                ((3, 0, 6, 3),)),
    (NonLocalI3D.Config(),       "width",                                 COUNT),
    (SlowFast.Config(),          "width alpha beta",                      COUNT),
    *((kind.Config(),            "dropout",                               RATE) for kind in (BLVNet, TEA, NonLocalI3D, SlowFast)),  # noqa: E501
    (ImageExpert.Config(),       "width depth heads patch tubelet",       COUNT),
    (ImageExpert.Config(),       "mlp_ratio linear_std norm_eps",         POSITIVE),
    (ClipExpert.Config(),        "width depth heads patch tubelet",       COUNT),
    (BottleneckExchange.Config(), "ratio",                                COUNT),
    (FullWidthExchange.Config(), "adapter_ratio",                         POSITIVE),
    (AdaptersConfig(),           "ratio",                                 POSITIVE),
    (AdaptersConfig(),           "mlp_scale",                             NOT_NEGATIVE),
    (ExpertHead.Config(),        "adapter_ratio",                         POSITIVE),
    (ExpertHead.Config(),        "init_scale",                            NOT_NEGATIVE),
    (cast(),                     "drop_path",                             RATE),
    (MixedConvNet.Config(),      "width",                                 (*COUNT, 2000, *HUGE, math.nan)),
    (deform(),                   "depth heads",                           COUNT),
    (deform(),                   "depth",                                 HUGE),
    (deform(),                   "mlp_ratio sigma",                       POSITIVE),
    (deform(),                   "sigma",                                 (1e24,)),
    (deform(),                   "drop_path",                             RATE),
    (ClsHead.Config(),           "dropout",                               RATE),
    (DeformableAttention.Config(), "kernel",                              (0, 10**24 + 1)),
    (DeformableAttention.Config(), "offset_scale",                        ((1.0, -1.0, 1.0),)),
    (Windows.Config(),           "window",                                (*COUNT, math.nan)),
    (PROPAGATION,                "clip_frames",                           COUNT),
    (DINO,                       "topk radius stride",                    COUNT + HUGE),
    (DINO,                       "temperature",                           POSITIVE),
    (DINO,                       "context",                               (-1, 1000)),
]
# fmt: on


@pytest.mark.parametrize(
    ("config", "fields", "values"), RANGES, ids=[f"{type(config).__qualname__}-{names}" for config, names, _ in RANGES]
)
def test_values_out_of_range_are_refused(config: CheckedConfig, fields: str, values: tuple[object, ...]) -> None:
    for field in fields.split():
        for value in values:
            message = rf"^{re.escape(f'{config.config_path}.{field} is {value}')}; it must be "
            with pytest.raises(ValueError, match=message):
                replace(config, **{field: value})  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Nystromformer.Config(conv_kernel=4), "conv_kernel=4: it must be odd"),
        (lambda: Performer.Config(num_features=33, kernel="two-sided"), "num_features=33: the kernel needs"),
        (lambda: Orthoformer.Config(matched_prototypes=True), "matched_prototypes=True calls for share_over_time"),
        (lambda: DeformableAttention.Config(kernel=4), "model.attention.kernel is 4; it must be odd"),
        (lambda: Linformer.Config().build(2), "use it on sequences"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(made: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made()


CLIP, MASKED, TOKENS = ClipSize(4, 16, 16), MaskedSequenceSize(5, 24, 40), TokenSequenceSize(12, 20)
CLIP_8, FRAMES_8, NARROW = ClipSize(8, 32, 32), ClipSize(8, 64, 64), ClipSize(8, 32, 24)
NO_CLS: dict[str, object] = {"positions": VIDEO.positions, "cls_token": False, "attention": DividedAttention.Config()}  # type: ignore[attr-defined]
FRAMEWISE = MSCA.Config(width=24, heads=12, depth=2, tokens=SquareTokens.Config(patch=8), init=None)


# fmt: off
REFUSED: list[tuple[ModelConfig, InputSize, str]] = [
    (vit(width=50),                           CLIP, "model.width is 50; it does not divide into 4 heads"),
    (vit(mlp_ratio=1e-3),                     CLIP, "model.mlp_ratio is 0.001; times a width of 32, it must be 1 or"),
    (VIT,                       ClipSize(7, 16, 16), "clip: 7 frames do not divide into cubes of 2"),
    (VIT,                       ClipSize(4, 16, 20), "clip: 16x20 pixels do not divide into patches of 8x8"),
    (VIT,                       ClipSize(4, 16, 24), "positions: a 2x3 grid is not square; give positions.side"),
    (vit(attention=approximated(Orthoformer.Config(num_prototypes=9))), CLIP, ".*9 prototypes, but 8 candidates"),
    (vit(attention=approximated(Performer.Config(), "space-time")), CLIP, "attention: .*; set normalize_over=space$"),
    (vit(cls_token=False),                    CLIP, "model.cls_token is False; the positions include one of CLS"),
    (vit(positions=NO_CLS["positions"]),      CLIP, "model.cls_token is True; the positions lack one of CLS"),
    (vit(**NO_CLS),                           CLIP, "model.cls_token is False; Divided Space-Time attention needs CLS"),
    (replace(FRAMEWISE, blocks=(2,)),         CLIP, "model.blocks is .*; the model has blocks 0 to 1"),
    (replace(FRAMEWISE, blocks=(0, 0)),       CLIP, "model.blocks is .*; it names each block once"),
    (replace(FRAMEWISE, blocks=(1,), attention=HeadShift.Config(past_heads=6, future_heads=7)), CLIP, "model.attention shifts 13 heads; the model has 12"),  # noqa: E501
    (replace(FRAMEWISE, attention=HeadShift.Config(of="kk")), CLIP, "model.attention.of is 'kk'; it names some of"),
    (replace(FRAMEWISE, attention=SpaceTimeMixing.Config(segment_frames=3)), CLIP, "model.attention.segment_frames is 3; it must divide the 4 frames"),  # noqa: E501
    (replace(FRAMEWISE, head=TemporalAttentionHead.Config(heads=9)), CLIP, "model.head.heads is 9; it does not divide"),
    (BLVNet.Config(),           ClipSize(5, 64, 64), "clip: 5 frames; bLVNet takes pairs of frames"),
    (BLVNet.Config(alpha=3),                  CLIP, "model.alpha is 3; it must divide the width 64"),
    (TEA.Config(width=4),                     CLIP, "model.reduction is 16; a width of 4 leaves no channels"),
    (NonLocalI3D.Config(),      ClipSize(4, 32, 32), "data.frames is 4; it must be 8 or more"),
    (NonLocalI3D.Config(),                  NARROW, "data.crop is 24; it must be 32 or more"),
    (SlowFast.Config(),                     NARROW, "data.crop is 24; it must be 32 or more"),
    (SlowFast.Config(alpha=3),              CLIP_8, "model.alpha is 3; it must divide the 8 frames of a clip"),
    (SlowFast.Config(beta=5),               CLIP_8, "model.beta is 5; it must divide the width 64"),
    (SequenceEncoder.Config(heads=3),       TOKENS, "model.width is 64; it does not divide into 3 heads"),
    (SequenceEncoder.Config(approximation=Orthoformer.Config(num_prototypes=64)), TOKENS, ".*64 prototypes, but 12 c"),
    (SequenceEncoder.Config(approximation=Linformer.Config(num_prototypes=25)), TOKENS, ".*25 prototypes, but 12 tok"),
    (SequenceEncoder.Config(approximation=Nystromformer.Config()), TOKENS, ".*128 prototypes, but 12 tokens"),
    (SequenceEncoder.Config(),                CLIP, "model: it takes sequences of tokens, and the data give a clip"),
    (FirstToken.Config(),                     CLIP, "model: it takes sequences of tokens, and the data give a clip"),
    (cast(exchange=BottleneckExchange.Config(ratio=5)), CAST_SIZE, "model.exchange.ratio is 5"),
    (cast(exchange=BottleneckExchange.Config(t2s=None, s2t=None)), CAST_SIZE, "model.exchange: t2s and s2t are"),
    (cast(exchange=None, blocks=(1,)),   CAST_SIZE, "model.blocks is .*, and model.exchange None; without exchange"),
    (cast(blocks=(3,)),                  CAST_SIZE, "model.blocks: 3; the model has blocks 0 to 2"),
    (cast(blocks=(1, 1)),                CAST_SIZE, "model.blocks is .*; it names each block once"),
    (cast(spatial=replace(IMAGE, width=36)), CAST_SIZE, "model: the width of the experts is 36 and 48"),
    (cast(spatial=replace(IMAGE, width=50)), CAST_SIZE, "expert.width is 50; it does not divide into 4 heads"),
    (cast(spatial=replace(IMAGE, tubelet=1)), CAST_SIZE, "model: the experts have grids"),  # type: ignore[call-arg]
    (cast(temporal=replace(VIDEO, patch=5)), CAST_SIZE, "clip: .* do not divide into patches of 5x5"),
    (cast(adapters=AdaptersConfig(in_time=True)), CAST_SIZE, "model.adapters.in_time is True; only an expert alone"),
    (cast(adapters=AdaptersConfig(time_positions=True)), CAST_SIZE, "model.adapters.time_positions is True; only an"),
    (deform(heads=5),                    POSE_CLIP, "model.heads is 5; the width 32 is not divisible by it"),
    (deform(mlp_ratio=0.01),             POSE_CLIP, "model.mlp_ratio is 0.01; it must be 0.03125 or more"),
    (deform(modalities=()),              POSE_CLIP, r"model.modalities is \(\); it names some of \('rgb', 'pose'\)"),
    (deform(modalities=("pose", "rgb")), POSE_CLIP, "model.modalities is .*; it names some of .*, in this order"),
    (deform(modalities=("rgb", "depth")), POSE_CLIP, "model.modalities is .*; it names some of"),
    (deform(stages=()),                  POSE_CLIP, "model.stages is .*; it names some of"),
    (deform(stages=("temporal", "joint")), POSE_CLIP, "model.stages is .*; it names some of .*, in this order"),
    (deform(stages=("joint", "joint")),  POSE_CLIP, "model.stages is .*; it names some of"),
    (deform(stages=("deformable",)),     POSE_CLIP, "model.stages is .*; none of them reads the pose: add 'joint' or"),
    (deform(stages=("deformable",), modalities=("pose",)), POSE_CLIP, "model.stages is .*; none of them applies to"),
    (deform(stages=("joint",), cls_route="copy"), POSE_CLIP, "model.cls_route is 'copy'; without the stage 'temporal'"),
    (deform(time_windows=Windows.Config(window=4, pairing="printed")), POSE_CLIP, "model.time_windows: the printed loops give 1 windows of queries and 0 of"),  # noqa: E501
    (deform(),                  ClipSize(6, 24, 32), "model: it takes clips with joints, and the data give a clip"),
    (deform(),           PoseClipSize(6, 20, 32, 5), "data.crop: 20 pixels do not divide into cells of 8"),
    (PROPAGATION,                           CLIP_8, "model: it takes sequences with masks, and the data give a clip"),
    (replace(PROPAGATION, block=3),         MASKED, "model.block is 3; the backbone has the blocks 0 to 2"),
    (replace(PROPAGATION, block=-4),        MASKED, "model.block is -4"),
    (replace(PROPAGATION, head=4),          MASKED, "model.head is 4; the backbone has the heads 0 to 3"),
    (replace(PROPAGATION, head=0, affinity="keys"), MASKED, "model.head is 0; keys have all heads"),
    (replace(PROPAGATION, clip_frames=2),   MASKED, "model.clip_frames is 2; a clip must have two token frames"),
    (replace(PROPAGATION, clip_frames=7),   MASKED, "clip: 7 frames do not divide"),
    (replace(PROPAGATION, rules=replace(DINO, context=0, first_frame_always=False)), MASKED, "model.rules.context"),
    (replace(PROPAGATION, backbone=replace(PROPAGATION.backbone, attention=JointAttention.Config())), MASKED, "model.affinity is trajectory; Joint Space-Time attention only has tokens"),  # noqa: E501
    (replace(PROPAGATION, backbone=replace(PROPAGATION.backbone, attention=approximated(Orthoformer.Config(num_prototypes=4)))), MASKED, "model.affinity is trajectory; approximate attention has no map"),  # noqa: E501
    (replace(PROPAGATION, backbone=VIT),    MASKED, "positions: .*; give positions.side"),
]
# fmt: on


@pytest.mark.parametrize(
    ("config", "size", "message"), REFUSED, ids=[f"{type(config).__qualname__}-{m}" for config, _, m in REFUSED]
)
def test_what_cannot_be_built_is_refused_by_check_and_build(config: ModelConfig, size: InputSize, message: str) -> None:
    for refuse in (config.check, lambda size: config.build(size, ClassTarget(5))):
        with pytest.raises(ValueError, match=f"^{message}"):
            refuse(size)
