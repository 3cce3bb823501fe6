"""Section 6.1.5 of Motionformer: training times on Kinetics-400."""

from experiments.motionformer.base import K400, TRAINING_NOTES, table
from experiments.motionformer.table3 import R16, R64, R128
from experiments.motionformer.table6 import BATCH_NOTE, HIGH_RESOLUTION, LONG
from experiments.spec.claims import Ours, above, below, cell, claim, percent_difference, rising, within
from experiments.spec.language import DEVICE_HOURS, GFLOPS, Column, PaperNote, quoted, row

# fmt: off
ROWS = (
    row("prototypes-16",  ("Motionformer with Orthoformer, 16 prototypes",),  R16,             paper=(384,)),
    row("prototypes-64",  ("Motionformer with Orthoformer, 64 prototypes",),  R64,             paper=(800,)),
    row("prototypes-128", ("Motionformer with Orthoformer, 128 prototypes",), R128,            paper=(1216,)),
    row("mformer",        ("Mformer-B",),                                                      paper=(384,)),
    row("mformer-l",      ("Mformer-L",),                                     LONG,            paper=(1334,)),
    row("mformer-hr",     ("Mformer-HR",),                                    HIGH_RESOLUTION, paper=(1376,)),
    quoted("timesformer", ("TimeSformer-B [8]",),                                              paper=(416,)),
)
CLAIMS = (
    claim("M60", "section 5", "The approximation greatly reduces computation, and selecting prototypes is the bottleneck of its runtime",
          [below(cell("prototypes-128.hours", GFLOPS) / cell("mformer.hours", GFLOPS), Ours(0.5), inclusive=True),
           above(cell("prototypes-128.hours") / cell("mformer.hours"), 1)]),
    claim("M61", "section 6.1.5", "More prototypes need more hours",
          rising(tuple(cell(f"prototypes-{n}.hours") for n in (16, 64, 128)))),
    claim("M62", "section 6.1.5", "Mformer-B trains about as long as TimeSformer-B",
          within(percent_difference(cell("mformer.hours"), cell("timesformer.hours")), Ours(10))),
)
# fmt: on

TABLE = table(
    "hours",
    "How long does it take to train Motionformer model?",
    source="arXiv:2106.05392, section 6.1.5",
    labels=("Model",),
    columns=(Column(key="hours", header="GPU hours", metric=DEVICE_HOURS, base=K400, digits=0),),
    rows=ROWS,
    notes=(
        "Ours: wall time of training, validation included, multiplied by the number of devices. Without a GPU, a "
        "device is a CPU process.",
        "The paper does not state the type of GPU. The same section also gives 416 hours for Mformer-B. Section 6.2 "
        "gives averages of 12 hours on 32 GPUs (384) for ablations, and of 7 hours on 64 GPUs (448) for comparisons "
        "with other models.",
        PaperNote(
            "`reproduce plan motionformer/hours --scale paper --gpu V100` orders the rows by their operations, in which "
            "the printed hours are 10 to 11 % of the peak of a V100 for Mformer-B, Mformer-L and 16 prototypes, 8 for "
            "Mformer-HR, but 5 and 3 for 64 and 128 prototypes: they are selected one by one, in small kernels whose time "
            "no number of operations shows."
        ),
        BATCH_NOTE,
        *TRAINING_NOTES,
    ),
    claims=CLAIMS,
)
