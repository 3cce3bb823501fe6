"""What the four parts of Motionformer's Table 3 share: its exact row and its columns."""

from experiments.motionformer.base import K400, TOP1_COLUMNS
from experiments.spec.edits import Edits, model
from experiments.spec.metrics import Measured
from experiments.spec.table import Column
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer
from models.mixers.trajectory import TrajectoryAttention

COLUMNS = (
    Column(key="memory", header="Mem.", metric=Measured("peak_gib", "memory", calibrated_by="exact"), base=K400),
    *TOP1_COLUMNS,
)

NOTES = (
    "Mem. is peak CUDA memory in GB (2^30 bytes) of a training step; the paper states neither batch nor precision.",
    "Ours need not compare with the printed ones: exact attention keeps no map here either, so that approximations save little.",
    "E: exact, A: approximate attention within frames; CLS and the attention along time stay exact.",
)


def approximate(approximation: Orthoformer.Config | Nystromformer.Config | Performer.Config) -> Edits:
    """Trajectory attention through an approximation of its spatial stage."""
    return model(attention=TrajectoryAttention.Config(approximation=approximation))
