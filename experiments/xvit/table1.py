"""Table 1 of X-ViT's supplementary: videos per second with all test views. Nothing is trained."""

from data.datasets.kinetics import Kinetics
from data.video_data import VideoData
from experiments.spec.claims import best, claim
from experiments.spec.language import (
    GFLOPS,
    PARAMETERS,
    VIEWS,
    Column,
    Edit,
    Edits,
    Recipe,
    RunConfig,
    SpeedOfReference,
    VideosPerSecondInTurns,
    data,
    evaluation,
    row,
)
from experiments.xvit.base import table
from interface.evaluation import EvalConfig
from models.baselines.blvnet import BLVNet
from models.baselines.nonlocal_networks import NonLocalI3D, SlowFast
from models.baselines.tea import TEA
from models.baselines.timesformer import TimeSformerAttention
from models.heads import LinearHead
from models.mixers.joint import JointAttention
from models.model import ModelConfig
from models.positions import JointPositions
from models.tokens import SquareTokens
from models.trunk import VideoViT
from models.xvit.model import XViT

XVIT = RunConfig(
    model=XViT.Config(init=None),
    data=VideoData(dataset=Kinetics.Config(name="kinetics400", num_classes=400), frames=8, crop=224),
    optim=None,
    evaluation=EvalConfig(views=1, crops=3),
)

TIMESFORMER_L = VideoViT.Config(
    tokens=SquareTokens.Config(), attention=TimeSformerAttention.Config(), head=LinearHead.Config()
)
VIVIT_L = VideoViT.Config(
    width=1024,
    depth=24,
    heads=16,
    positions=JointPositions.Config(),
    attention=JointAttention.Config(),
    head=LinearHead.Config(),
)


def measured(model: ModelConfig, *, frames: int, crop: int, views: int) -> Edits:
    """Another model and clip, in this number of temporal views of three crops."""
    return (Edit("model", model), *data(frames=frames, crop=crop), *evaluation(views=views))


BLVNET = measured(BLVNet.Config(), frames=48, crop=256, views=3)
TEA_R50 = measured(TEA.Config(), frames=16, crop=224, views=10)
I3D_NL = measured(NonLocalI3D.Config(), frames=128, crop=256, views=10)
SLOWFAST = measured(SlowFast.Config(), frames=32, crop=256, views=10)
TIMESFORMER = measured(TIMESFORMER_L, frames=96, crop=224, views=1)
VIVIT = measured(VIVIT_L, frames=32, crop=224, views=4)


def printed(videos: float) -> tuple[float | None, ...]:
    """Values of a row: videos per second; nothing else is printed."""
    return (videos, None, None, None, None, None, None)


# fmt: off
ROWS = (
    row("blvnet",      ("bLVNet [3]",),             BLVNET,      paper=printed(7.5)),
    row("tea",         ("TEA [5]",),                TEA_R50,     paper=printed(2.4)),
    row("i3d-nl",      ("i3D-NL ResNet101 [7]",),   I3D_NL,      paper=printed(0.37)),
    row("slowfast",    ("SlowFast (8frames) [4]",), SLOWFAST,    paper=printed(0.69)),
    row("timesformer", ("TimeSformer [2]",),        TIMESFORMER, paper=printed(0.69)),
    row("vivit-l",     ("ViViT-L [1]",),            VIVIT,       paper=printed(0.66)),
    row("x-vit",       ("X-ViT (Ours)",),                    paper=printed(12)),
)
FLOAT32 = VideosPerSecondInTurns("videos_per_second", "turns-float32")
BFLOAT16 = VideosPerSecondInTurns("videos_per_second", "turns-bfloat16")
RATIO_FLOAT32 = SpeedOfReference("speed_of_reference", "turns-float32", reference=XVIT)
RATIO_BFLOAT16 = SpeedOfReference("speed_of_reference", "turns-bfloat16", reference=XVIT)
COLUMNS = (
    Column(key="speed",      header=("float32",  "Videos/s"),      metric=FLOAT32,        base=XVIT, digits=None, best="max"),
    Column(key="ratio",      header=("float32",  "X-ViT / row"),   metric=RATIO_FLOAT32,  base=XVIT, digits=None),
    Column(key="speed_bf16", header=("bfloat16", "Videos/s"),      metric=BFLOAT16,       base=XVIT, digits=None, best="max"),
    Column(key="ratio_bf16", header=("bfloat16", "X-ViT / row"),   metric=RATIO_BFLOAT16, base=XVIT, digits=None),
    Column(key="views",      header=("Ours",     "Views × crops"), metric=VIEWS,          base=XVIT),
    Column(key="gflops",     header=("Ours",     "GFLOPs / view"), metric=GFLOPS,         base=XVIT),
    Column(key="parameters", header=("Ours",     "Params (M)"),    metric=PARAMETERS,     base=XVIT),
)
CLAIMS = (
    claim("X1", "Table 1", "X-ViT processes most videos per second",
          best("x-vit", "speed", [r.key for r in ROWS])),
)
# fmt: on

NOTES = (
    "A video is all views × crops of a row. One view is measured, with random weights and clips: videos/s = clips/s / "
    "(views × crops). The paper's header reads images/sec, its caption videos/sec.",
    "The text says 8 V100. The main paper's 304 frames/s of X-ViT make 12.7 videos/s, what a single V100 reaches in "
    "float32. We read the printed speeds as those of one GPU. The paper prints no ratios; from its speeds follow 1.6 "
    "(bLVNet), 5.0 (TEA), 32 (i3D-NL), 17 (SlowFast and TimeSformer) and 18 (ViViT-L), to compare with ours.",
    "The paper does not say which models it measured. These have the total GFLOPs of the main paper's Table 5: "
    "bLVNet-TAM-50-a2-b4-f24x2 (48 frames at 256), TEA-R50 (16 at 224), non-local I3D-R101 (128 at 256), SlowFast "
    "8×8-R101 with non-local blocks (32 at 256; 3,534 G here, 3,480 G printed), TimeSformer-L (96 at 224), ViViT-L/16x2 "
    "(32 at 224), X-ViT (8 at 224).",
    "In both ResNet-101s, the third stage has its convolutions over time in the first six blocks, and non-local blocks "
    "after its blocks 7, 14 and 21. This gives the 359 G and 106 G (without non-local blocks) of SlowFast's Table 2.",
    "The paper measured the authors' code where it could. These are our own models, and ResNets of timm and pytorchvideo. "
    "The last block of our ViTs computes CLS alone, for the same logits.",
    "Float32 is without TF32, as on a V100. Bfloat16 is measured on GPUs only.",
)

TABLE = table(
    "table1",
    "Speed comparison in videos/sec",
    labels=("Method",),
    columns=COLUMNS,
    rows=ROWS,
    recipes={"small": Recipe(), "tiny": Recipe()},
    notes=NOTES,
    claims=CLAIMS,
)
