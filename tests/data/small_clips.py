"""Clips of four frames from the fixture `kinetics_root`, and the loaders of any data."""

from pathlib import Path

from data.config import DataConfig
from data.datamodule import DataModule, Loading
from data.datasets.kinetics import Kinetics
from data.sampling.strides import DenseSampling
from data.transforms.pixels import Augmentation
from data.video_data import VideoData
from interface.evaluation import EvalConfig

DATA = VideoData(
    dataset=Kinetics.Config(num_classes=3),
    frames=4,
    crop=32,
    sampling=DenseSampling.Config(stride=4),
    augmentation=Augmentation.Config(short_side=(36, 48)),
)


def data_module(root: Path, data: DataConfig = DATA, views: int = 1, crops: int = 1, **options: object) -> DataModule:
    """Loaders of a data set in this process."""
    usual = {"seed": 0, "batch_size": 4, "test_batch_size": 4, "num_workers": 0}
    protocol = EvalConfig(views=views, crops=crops)
    return DataModule(Loading(data=data, evaluation=protocol, root=root, **usual | options))  # type: ignore[arg-type]
