"""Clips of four frames from the fixture `kinetics_root`."""

from data.datasets.kinetics import Kinetics
from data.sampling.strides import DenseSampling
from data.transforms.pixels import Augmentation
from data.video_data import VideoData

DATA = VideoData(
    dataset=Kinetics.Config(num_classes=3),
    frames=4,
    crop=32,
    sampling=DenseSampling.Config(stride=4),
    augmentation=Augmentation.Config(short_side=(36, 48)),
)
