"""Default run of the paper, and runs that start from it."""

from dataclasses import replace

from experiments.sixth.data import NumberData
from experiments.sixth.model import WeightedSum
from experiments.sixth.task import Regression

from experiments.spec.run import Parent, RunConfig
from interface.evaluation import EvalConfig
from lightning_modules.optim import SGD, CosineSchedule, OptimConfig

BASE = RunConfig(
    model=WeightedSum.Config(),
    data=NumberData(),
    objective=Regression(),
    optim=OptimConfig(epochs=100, batch_size=16, lr=0.1, optimizer=SGD(), schedule=CosineSchedule()),
    evaluation=EvalConfig(views=1, crops=1),
)
TESTED_ONLY = replace(BASE, optim=None, parents=(Parent(run=BASE),))
TUNED = replace(BASE, parents=(Parent(run=BASE),))
