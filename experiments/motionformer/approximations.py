"""Columns, notes and edits that the four parts of Motionformer's Table 3 share."""

from experiments.motionformer.base import K400, START_NOTE, TOP1_COLUMNS
from experiments.motionformer.columns import PEAK_MEMORY
from experiments.spec.edits import Edits, model
from experiments.spec.table import Column
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer
from models.mixers.trajectory import TrajectoryAttention

COLUMNS = (
    Column(key="memory", header="Mem.", metric=PEAK_MEMORY, base=K400),
    *TOP1_COLUMNS,
)

NOTES = (
    "Mem. is the peak CUDA memory of a training step in GB (2^30 bytes). The paper states neither batch size nor "
    "precision.",
    "Our values are not comparable with the printed ones: here, exact attention stores no attention map either, so "
    "approximations save little memory.",
    "E: exact attention within frames, A: approximate. Attention of CLS and temporal attention are always exact.",
    "Orthoformer selects its prototypes in float32. The released code does so in the half precision of its training, "
    "which rounds differences between candidates away.",
    START_NOTE,
)


def approximate(approximation: Orthoformer.Config | Nystromformer.Config | Performer.Config) -> Edits:
    return model(attention=TrajectoryAttention.Config(approximation=approximation))
