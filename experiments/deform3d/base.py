"""Default runs of the 3D deformable transformer (https://arxiv.org/abs/2212.05638), and shared parts of its tables.

Only the supplementary is at hand. It states neither recipe nor sizes, except for 12 frames: what stands here is ours.
"""

from dataclasses import replace

from data.datasets.finegym import FineGym
from data.datasets.ntu import Ntu
from data.datasets.penn_action import PennAction
from data.pose_video_data import PoseVideoData
from data.transforms.composed_augmentation import ComposedAugmentation, ShortSideCrop
from experiments.spec.language import Edits, Paper, RunConfig, data, model
from interface.evaluation import EvalConfig
from lightning_modules.classification import SingleLabel
from lightning_modules.optim import CosineSchedule, OptimConfig
from models.deform3d.model import DeformableTransformer
from models.deform3d.windows import Pairing, Windows

PAPER = Paper(
    key="deform3d",
    title="Cross-Modal Learning with 3D Deformable Attention for Action Recognition, supplementary material",
    url="https://arxiv.org/abs/2212.05638",
    source="arXiv:2212.05638, supplementary",
)
table = PAPER.table

FRAMES = 12
SMALL_SHIFT = ShortSideCrop.Config(short_side=(1.0, 8 / 7))  # larger crops would cut off the joints of many people

PENN = RunConfig(
    model=DeformableTransformer.Config(),
    objective=SingleLabel(label_smoothing=0.1),
    data=PoseVideoData(
        dataset=PennAction.Config(),
        frames=FRAMES,
        crop=112,
        augmentation=ComposedAugmentation.Config(auto_augment=None, crop=SMALL_SHIFT, flip=0.5),
    ),
    optim=OptimConfig(
        epochs=100,
        batch_size=32,
        lr=3e-4,
        weight_decay=0.05,
        schedule=CosineSchedule(warmup_epochs=5),
    ),
    evaluation=EvalConfig(views=1, crops=1),
)
GYM99 = replace(PENN, data=replace(PENN.data, dataset=FineGym.Config()))
NTU60 = replace(PENN, data=replace(PENN.data, dataset=Ntu.Config()))
ONE_PERSON = replace(PENN, data=replace(PENN.data, dataset=Ntu.Config(people=1)))
NTU120 = replace(PENN, data=replace(PENN.data, dataset=Ntu.Config(name="ntu120", num_classes=120)))

RGB = model(modalities=("rgb",))
POSE = model(modalities=("pose",))
LARGE = data(crop=224)  # the other size of the counts in Table A2


def windows(window: int, pairing: Pairing = "shift+head") -> Windows.Config:
    return Windows.Config(window=window, pairing=pairing)


def pairing(name: Pairing) -> Edits:
    return model(joint_windows=windows(4, name), time_windows=windows(4, name))


RECIPE_NOTE = (
    "The supplementary states neither sizes nor recipe, except for 12 frames in one figure: all others are ours (see the "
    "README of experiments/deform3d)."
)
