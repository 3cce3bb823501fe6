"""Every data set with a small generated copy."""

import atexit
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from data.config import DatasetConfig
from data.datasets import listops, pathfinder
from data.datasets.aan import Aan
from data.datasets.cifar10 import Cifar10
from data.datasets.davis import Davis
from data.datasets.epic100 import Epic100
from data.datasets.finegym import FineGym
from data.datasets.imdb import Imdb
from data.datasets.kinetics import Kinetics
from data.datasets.listops import ListOps
from data.datasets.ntu import Ntu
from data.datasets.pathfinder import Pathfinder
from data.datasets.penn_action import PennAction
from data.datasets.ssv2 import SSv2
from data.stand_ins.drawing.ensure import ensure
from data.stand_ins.of_figures import FineGymStandIn, NtuStandIn, PennActionStandIn
from data.stand_ins.of_sequences import AanStandIn, Cifar10StandIn, ImdbStandIn, PathfinderStandIn
from data.stand_ins.of_videos import (
    CategorisedEpic100StandIn,
    DavisStandIn,
    Epic100StandIn,
    KineticsStandIn,
    SSv2StandIn,
)

DATASETS: dict[str, DatasetConfig] = {
    "kinetics400": Kinetics.Config(num_classes=10, stand_in=KineticsStandIn(num_train=26, num_val=13)),
    "kinetics600": Kinetics.Config(
        name="kinetics600", num_classes=10, stand_in=KineticsStandIn(release="kinetics600", num_train=26, num_val=13)
    ),
    "ssv2": SSv2.Config(num_classes=10, stand_in=SSv2StandIn(num_train=26, num_val=13)),
    "epic100": Epic100.Config(num_verbs=8, num_nouns=8, stand_in=Epic100StandIn(num_train=26, num_val=13)),
    "categorised": Epic100.Config(
        num_verbs=8, num_nouns=8, stand_in=CategorisedEpic100StandIn(num_train=26, num_val=13)
    ),
    "penn-action": PennAction.Config(num_classes=13, stand_in=PennActionStandIn(num_train=26, num_val=13)),
    "ntu60": Ntu.Config(num_classes=13, stand_in=NtuStandIn(num_train=26, num_val=13)),
    "gym99": FineGym.Config(num_classes=13, stand_in=FineGymStandIn(num_train=26, num_val=13)),
    "davis2017": Davis.Config(stand_in=DavisStandIn(num_val=2)),
    "listops": ListOps.Config(test_batch=8, stand_in=replace(listops.TINY, num_train=26, num_val=13)),
    "aan": Aan.Config(test_batch=8, stand_in=AanStandIn(num_train=26, num_val=13)),
    "imdb": Imdb.Config(test_batch=8, stand_in=ImdbStandIn(num_train=26, num_val=13)),
    "imdb, set aside": Imdb.Config(
        test_batch=8, validates_on_test=False, stand_in=ImdbStandIn(num_train=26, num_val=13)
    ),
    "cifar10": Cifar10.Config(test_batch=8, pool=2, stand_in=Cifar10StandIn(num_train=45, num_val=13)),
    "cifar10, random": Cifar10.Config(
        test_batch=8, split_rule="random", stand_in=Cifar10StandIn(num_train=45, num_val=13)
    ),
    "pathfinder32": Pathfinder.Config(
        test_batch=8, level="curv_baseline", pool=16, stand_in=replace(pathfinder.TINY, num_train=104, num_val=13)
    ),
    "pathfinder32, published": Pathfinder.Config(test_batch=8, stand_in=PathfinderStandIn(num_train=16, num_val=2)),
}


@cache
def folder() -> Path:
    """Folder of the generated data of this process."""
    made = Path(tempfile.mkdtemp(prefix="stand-ins-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def drawing_of(config: DatasetConfig) -> Any:  # noqa: ANN401
    """Drawing of the stand-in of a data set."""
    return config.drawing(config.stand_in)


def root_of(name: str) -> Path:
    """Root of the generated copy of a data set, which no test may change."""
    return ensure(drawing_of(DATASETS[name]), folder(), progress=False, workers=0)
