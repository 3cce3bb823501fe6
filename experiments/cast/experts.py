"""Pretrained experts of CAST's tables.

The linked weights of VideoMAE for Kinetics and SSv2 are those of classifiers fine-tuned on these data sets, although the
paper calls them pretrained.
"""

from models.cast.clip_expert import ClipExpert, SpaceTimePositions
from models.cast.expert import ExpertFile
from models.cast.frame_expert import EvaExpert, ImageExpert
from models.imagenet import ImageNet

CAST_PAGE = "https://github.com/KHU-VLL/CAST"
MVD_PAGE = "https://github.com/ruiwang2021/mvd"


def video_mae(name: str) -> ClipExpert.Config:
    return ClipExpert.Config(init=ExpertFile.Config(name=f"videomae_vit_b_{name}.pth", source=CAST_PAGE))


CLIP = ImageExpert.Config(init=ImageNet.Config(name="vit_base_patch16_clip_quickgelu_224.openai"))
# The paper states neither source nor version of these weights.
IN21K = ImageExpert.Config(
    pre_norm=False,
    quick_gelu=False,
    norm_eps=1e-6,
    init=ImageNet.Config(name="vit_base_patch16_224.orig_in21k"),
)
# The paper says EVA; this is the one with the sizes of ViT-B/16.
EVA = EvaExpert.Config(init=ImageNet.Config(name="eva02_base_patch16_clip_224.merged2b"))
VIDEO_MAE_EK100 = video_mae("ek100")
VIDEO_MAE_SSV2 = video_mae("ssv2")
VIDEO_MAE_K400 = video_mae("k400")
# The paper does not state which teacher. Positions are MVD's own; CAST's loader would keep those of VideoMAE.
MVD = ClipExpert.Config(
    positions=SpaceTimePositions.Config(), init=ExpertFile.Config(name="mvd_vit_b_k400.pth", source=MVD_PAGE)
)
