"""The default runs of Motionformer (https://arxiv.org/abs/2106.05392, sections 4 and 6.2) and the columns they fill.

Where the paper is silent or its released code differs, the values are those of the authors' configs at commit bf43d50.
"""

from dataclasses import replace

from data.config import DataConfig, EvalConfig
from data.datasets.kinetics import Kinetics
from data.datasets.ssv2 import SSv2
from data.sampling import DenseSampling, SegmentSampling
from data.transforms import Augmentation, ColorJitter, RandAugment
from experiments.run import RunConfig
from experiments.table import Column
from lightning_modules.objective import SingleLabel
from lightning_modules.optim import OptimConfig, StepSchedule
from models.pretrained import ImageNet
from models.tokens import SeparatePositions
from models.trunk import VideoViT
