"""Table 1 of Motionformer: design choices of recent video transformers; its own are read from the default run."""

from experiments.motionformer.base import ATTENTION, BASE_MODEL, K400, POSITIONS, TOKENIZATION, table
from experiments.spec.claims import cell, claim, same
from experiments.spec.language import Bold, Column, quoted, row

COLUMNS = (
    Column(key="base_model",   header="Base Model",    metric=BASE_MODEL,   base=K400),
    Column(key="attention",    header="Attention",     metric=ATTENTION,    base=K400),
    Column(key="positions",    header="Pos. Encoding", metric=POSITIONS,    base=K400),
    Column(key="tokenization", header="Tokenization",  metric=TOKENIZATION, base=K400),
)  # fmt: skip

# fmt: off
ROWS = (
    quoted("timesformer", ("TimeSformer [8]",),    paper=("ViT-B", "Divided Space-Time",       "Separate", "Square")),
    quoted("vivit",       ("ViViT [3]",),          paper=("ViT-L", "Joint/Divided Space-Time", "Joint",    "Cubic")),
    row("motionformer",   (Bold("Motionformer"),), paper=("ViT-B", "Trajectory",               "Separate", "Cubic")),
)
CLAIMS = (
    claim("M1", "section 3.3", "The base model, positions and tokens are those of earlier models; only attention is new", (
        same(cell("motionformer.positions"), cell("timesformer.positions")),
        same(cell("motionformer.tokenization"), cell("vivit.tokenization")),
        same(cell("motionformer.base_model"), cell("timesformer.base_model")),
    )),
)
# fmt: on

TABLE = table(
    "table1",
    "Comparison of recent video transformer models",
    labels=("Model",),
    columns=COLUMNS,
    rows=ROWS,
    notes=("Motionformer's choices are those in the config of its default run. The other rows are quoted.",),
    claims=CLAIMS,
)
