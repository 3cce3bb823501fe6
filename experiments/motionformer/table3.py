"""Table 3 of Motionformer: Orthoformer. a: other approximations. b: selection of prototypes. c: their number. d: per clip or frame."""

from experiments.motionformer.base import (
    BOTH,
    MEMORY_NOTE,
    START_NOTE,
    TOP1_COLUMNS,
    TRAINING_NOTES,
    memory_columns,
    table,
)
from experiments.spec.claims import Ours, about, above, below, best, cell, claim, mean, rising, within, worst
from experiments.spec.language import GFLOPS, Bold, Edits, bold, model, row
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer
from models.mixers.trajectory import TrajectoryAttention

COLUMNS = (
    *memory_columns("Mem.", "Mem. of ours"),
    *TOP1_COLUMNS,
)

NOTES = (
    "Mem. is the peak CUDA memory of a training step in GB (2^30 bytes). The paper states neither batch size nor "
    "precision. Ours is of four clips, the printed batch of a GPU.",
    MEMORY_NOTE,
    "E: exact attention within frames, A: approximate. Attention of CLS and temporal attention are always exact.",
    "Orthoformer selects its prototypes in float32. The released code does so in the half precision of its training, "
    "which rounds differences between candidates away.",
    START_NOTE,
)


def approximate(approximation: Orthoformer.Config | Nystromformer.Config | Performer.Config) -> Edits:
    return model(attention=TrajectoryAttention.Config(approximation=approximation))


PERFORMER = approximate(Performer.Config())
NYSTROM = approximate(Nystromformer.Config())
ORTHOFORMER = approximate(Orthoformer.Config())

# fmt: off
ROWS_A = (
    row("exact",         ("Trajectory (E)", "N/A"),                            paper=(7.4, None, *bold(79.7, 66.5))),
    row("performer",     ("Trajectory (A)", "Performer"),         PERFORMER,   paper=(5.1, None, 72.9, 52.7)),
    row("nystromformer", ("Trajectory (A)", "Nyströmformer"),     NYSTROM,     paper=(3.8, None, *bold(77.5, 64.0))),
    row("orthoformer",   ("Trajectory (A)", Bold("Orthoformer")), ORTHOFORMER, paper=(3.6, None, *bold(77.5), 63.8)),
)
CLAIMS_A = (
    claim("M14", "caption", "Orthoformer is on par with Nyströmformer",
          [within(cell(f"orthoformer.{c}") - cell(f"nystromformer.{c}"), Ours(1)) for c in BOTH]),
    claim("M15", "section 4.2", "Orthoformer needs less memory than Nyströmformer",
          below(cell("orthoformer.memory") / cell("nystromformer.memory"), 1)),
    claim("M16", "section 1", "Orthoformer needs less memory than Performer",
          below(cell("orthoformer.memory") / cell("performer.memory"), 1)),
    claim("M17", "section 1", "With trajectory attention, the approximation saves much memory",
          below(cell("orthoformer.memory") / cell("exact.memory"), Ours(0.5), inclusive=True)),
    claim("M18", "section 1", "With trajectory attention, the approximation saves much computation",
          below(cell("orthoformer.k400", GFLOPS) / cell("exact.k400", GFLOPS), Ours(0.5), inclusive=True)),
)
# fmt: on

TABLE_A = table(
    "table3a",
    "Orthoformer ablations: Orthoformer is competitive with Nyström",
    labels=("Attention", "Approx."),
    columns=COLUMNS,
    rows=ROWS_A,
    notes=(*NOTES, *TRAINING_NOTES),
    claims=CLAIMS_A,
)

SEGMENT_MEANS = approximate(Orthoformer.Config(selection="segment-means"))
RANDOM = approximate(Orthoformer.Config(selection="random"))
ORTHOGONAL = approximate(Orthoformer.Config())

# fmt: off
ROWS_B = (
    row("exact",      ("Trajectory (E)", "N/A"),                             paper=(7.4, None, *bold(79.7, 66.5))),
    row("seg-means",  ("Trajectory (A)", "Seg-Means"),        SEGMENT_MEANS, paper=(3.6, None, 75.8, 60.3)),
    row("random",     ("Trajectory (A)", "Random"),           RANDOM,        paper=(3.6, None, 76.5, 62.5)),
    row("orthogonal", ("Trajectory (A)", Bold("Orthogonal")), ORTHOGONAL,    paper=(3.6, None, *bold(77.5, 63.8))),
)
CLAIMS_B = (
    claim("M19", "caption", "Orthogonal selection is best on both data sets",
          [best("orthogonal", c, ("random", "seg-means")) for c in BOTH]),
    claim("M20", "section 4.2", "Segment means do poorly",
          [worst("seg-means", c, ("random", "orthogonal")) for c in BOTH]),
)
# fmt: on

TABLE_B = table(
    "table3b",
    "Orthoformer ablations: Selecting orthogonal prototypes is the best strategy",
    labels=("Attention", "Selection"),
    columns=COLUMNS,
    rows=ROWS_B,
    notes=(
        *NOTES,
        "The code of the other selections was not released. Ours select among the queries, as the released one does.",
        *TRAINING_NOTES,
    ),
    claims=CLAIMS_B,
)

R16 = approximate(Orthoformer.Config(num_prototypes=16))
R64 = approximate(Orthoformer.Config(num_prototypes=64))
R128 = approximate(Orthoformer.Config(num_prototypes=128))

# fmt: off
ROWS_C = (
    row("exact",          ("Trajectory (E)", "N/A"),       paper=(7.4, None, *bold(79.7, 66.5))),
    row("prototypes-16",  ("Trajectory (A)", "16"),  R16,  paper=(3.1, None, 73.9, 59.2)),
    row("prototypes-64",  ("Trajectory (A)", "64"),  R64,  paper=(3.3, None, 74.9, 63.0)),
    row("prototypes-128", ("Trajectory (A)", "128"), R128, paper=(3.6, None, *bold(77.5, 63.8))),
)
CLAIMS_C = (
    claim("M21", "caption", "Accuracy rises monotonically with the number of prototypes",
          [rising(tuple(cell(f"prototypes-{n}.{c}") for n in (16, 64, 128))) for c in BOTH]),
    claim("M22", "section 4.2", "From 16 to 128 prototypes, accuracy rises by about 4 % on average of both data sets",
          about(mean(*(cell(f"prototypes-128.{c}") - cell(f"prototypes-16.{c}") for c in BOTH)), 4, 0.5)),
)
# fmt: on

TABLE_C = table(
    "table3c",
    "Orthoformer ablations: Approximation improves with more prototypes",
    labels=("Attention", "# Prototypes"),
    columns=COLUMNS,
    rows=ROWS_C,
    notes=(*NOTES, *TRAINING_NOTES),
    claims=CLAIMS_C,
)

UNSHARED = approximate(Orthoformer.Config(share_over_time=False))
SHARED = approximate(Orthoformer.Config())

# fmt: off
ROWS_D = (
    row("exact",    ("Trajectory (E)", "N/A"),           paper=(7.4, None,  *bold(79.7, 66.5))),
    row("unshared", ("Trajectory (A)", False), UNSHARED, paper=(16.5, None, 77.3, 61.5)),
    row("shared",   ("Trajectory (A)", True),  SHARED,   paper=(3.6, None,  *bold(77.5, 63.8))),
)
# fmt: on

FRAMES_NOTE = (
    "Sharing ✗: for frame t, a query of frame s attends to the prototypes of t, but its values are the outputs of "
    "the prototypes of s for frame t, as released. Equation 10 has one set of prototypes on both sides: "
    "-o model.attention.approximation.matched_prototypes=True."
)

# fmt: off
CLAIMS_D = (
    claim("M23", "caption", "Sharing prototypes over time is better",
          [above(cell(f"shared.{c}") - cell(f"unshared.{c}")) for c in BOTH]),
    claim("M24", "section 4.2", "Sharing gives about 2 % on SSv2",
          about(cell("shared.ssv2") - cell("unshared.ssv2"), 2, 0.5)),
    claim("M25", "section 4.2", "Sharing cuts memory five times",
          about(cell("unshared.memory") / cell("shared.memory"), 5, 0.5)),
)
# fmt: on

TABLE_D = table(
    "table3d",
    "Orthoformer ablations: Temporal sharing is the best strategy",
    labels=("Attention", "Sharing"),
    columns=COLUMNS,
    rows=ROWS_D,
    notes=(*NOTES, FRAMES_NOTE, *TRAINING_NOTES),
    claims=CLAIMS_D,
)
