"""Columns of CAST's tables."""

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
KEYS = tuple(column.key for column in ACCURACY)
