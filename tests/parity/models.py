"""Our models with the settings of the parity fixtures."""

from models.cast.bottleneck import BottleneckExchange
from models.cast.clip_expert import ClipExpert
from models.cast.frame_expert import ImageExpert
from models.cast.model import CAST
from models.framewise.model import FramePositions
from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.nystromformer import Nystromformer
from models.mixers.trajectory import TrajectoryAttention
from models.model import ModelConfig
from models.motionformer.model import Motionformer
from models.msca.model import FramewiseConfig, TokenShift
from models.positions import JointPositions, SeparatePositions
from models.tokens import CubicTokens, SquareTokens
from models.xvit.heads import TemporalAttentionHead
from models.xvit.mixing import SpaceTimeMixing
from models.xvit.model import XViT

# Attention, approximation, and whether values are unprojected.
ATTENTIONS: dict[tuple[str, str, bool], MixerConfig] = {
    ("joint", "none", True): JointAttention.Config(),
    ("divided", "none", True): DividedAttention.Config(),
    ("trajectory", "none", True): TrajectoryAttention.Config(),
    ("trajectory", "none", False): TrajectoryAttention.Config(project_values=True),
    ("trajectory", "nystrom", True): TrajectoryAttention.Config(approximation=Nystromformer.Config()),
}


def config_of(settings: dict) -> ModelConfig:
    """Config with the paper's defaults, but for the settings of a fixture."""
    sizes = {"width": settings["embed_dim"], "depth": settings["depth"], "heads": settings["num_heads"]}
    match settings["model"]:
        case "Motionformer":
            in_space_time = settings.get("pos_embed") == "joint"
            return Motionformer.Config(
                **sizes,
                tokens=SquareTokens.Config() if settings.get("tubelet") == 1 else CubicTokens.Config(),
                positions=JointPositions.Config() if in_space_time else SeparatePositions.Config(side=14),
                attention=ATTENTIONS[
                    settings["attention"], settings.get("approx", "none"), settings.get("original_v", True)
                ],
            )
        case "X-ViT":
            attention = SpaceTimeMixing.Config(
                window=int(settings["mixing"]), fraction=2 / settings["div"], segment_frames=settings["segments"]
            )
            positions = FramePositions.Config(in_time=True, period=8)
            head = TemporalAttentionHead.Config(heads=settings["num_heads"])
            return XViT.Config(**sizes, attention=attention, positions=positions, head=head)
        case "CAST":
            experts = {**sizes, "patch": settings.get("patch", 16)}
            exchange = BottleneckExchange.Config(ratio=settings["down_ratio"])
            spatial, temporal = ImageExpert.Config(**experts), ClipExpert.Config(**experts)
            return CAST.Config(spatial=spatial, temporal=temporal, exchange=exchange)
    return {"ViT": FramewiseConfig, "TokShift": TokenShift.Config}[settings["net"]](**sizes)
