"""The language of a paper's tables and figures in one module; that of its claims is `claims.py`."""

# ruff: noqa: F401
# One paper alone needs the F1 scores of class_f1.py.

from experiments.spec.edits import Edit, Edits, ablated, data, evaluation, model, optim, value_of
from experiments.spec.figures import (
    AnsweredClips,
    AttentionQuery,
    AttentionStrips,
    BarPanel,
    Bars,
    ClassDifferences,
    ClassPanel,
    MaskStrips,
    Panel,
    Panels,
    RowQuery,
)
from experiments.spec.metrics import (
    ACTION,
    DEVICE_HOURS,
    GFLOPS,
    GFLOPS_AND_VIEWS,
    NOUN,
    PARAMETERS,
    TOP1,
    TOP5,
    TRAINABLE_PARAMETERS,
    VERB,
    VIEWS,
    ByColumn,
    Computed,
    Difference,
    Evenness,
    HarmonicMean,
    Mean,
    Measured,
    OfTraining,
    PeakMegabytes,
    SpeedOfReference,
    Tested,
    VideosPerSecondInTurns,
    published_gflops,
    setting,
)
from experiments.spec.number_formats import Decimals, Scientific
from experiments.spec.paper import Paper
from experiments.spec.run import Parent, RunConfig
from experiments.spec.scales import PaperNote, Recipe, TinyNote
from experiments.spec.table import Bold, Column, Row, Table, Underlined, bold, quoted, row
