"""Columns of CAST's tables."""

from dataclasses import replace

from experiments.cast.base import ABLATION
from experiments.spec.metrics import ACTION, NOUN, TRAINABLE_PARAMETERS, VERB
from experiments.spec.table import Column

# fmt: off
ACCURACY = (
    Column(key="verb",   header=("Top-1 Acc.", "Verb"), metric=VERB,   base=ABLATION, best="max"),
    Column(key="noun",   header=("Top-1 Acc.", "Noun"), metric=NOUN,   base=ABLATION, best="max"),
    Column(key="action", header=("Top-1 Acc.", "Act."), metric=ACTION, base=ABLATION, best="max"),
)
PARAMS = Column(key="params", header="Tune Param(M)", metric=TRAINABLE_PARAMETERS, base=ABLATION)
# fmt: on
ACCURACY_OF_ACTIONS = (*ACCURACY[:2], replace(ACCURACY[2], header=("Top-1 Acc.", "Action")))  # as some tables print it
KEYS = tuple(column.key for column in ACCURACY)
