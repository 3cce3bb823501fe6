"""Table 6c of Motionformer: comparison with the state of the art on EPIC-Kitchens-100."""

from experiments.motionformer.base import EPIC100, TRAINING_NOTES
from experiments.motionformer.tiny import TINY
from experiments.motionformer.variants import BATCH_NOTE, HIGH_RESOLUTION, LONG
from experiments.spec.claims import claim
from experiments.spec.comparisons import About, best, ranked
from experiments.spec.expressions import cell
from experiments.spec.metrics import ACTION, NOUN, VERB
from experiments.spec.table import Bold, Column, Table, Underlined, bold, quoted, row

COLUMNS = (
    Column(key="action", header="A", metric=ACTION, base=EPIC100, best="max"),
    Column(key="verb",   header="V", metric=VERB,   base=EPIC100, best="max"),
    Column(key="noun",   header="N", metric=NOUN,   base=EPIC100, best="max"),
)  # fmt: skip

# fmt: off
ROWS = (
    quoted("tsn",      ("TSN [85]",         "IN-1K"),                         paper=(33.2, 60.2,             46.0)),
    quoted("trn",      ("TRN [98]",         "IN-1K"),                         paper=(35.3, 65.9,             45.4)),
    quoted("tbn",      ("TBN [40]",         "IN-1K"),                         paper=(36.7, 66.0,             47.2)),
    quoted("tsm",      ("TSM [51]",         "IN-1K"),                         paper=(38.3, *bold(67.9),             49.0)),
    quoted("slowfast", ("SlowFast [27]",    "K-400"),                         paper=(38.5, 65.6,             50.0)),
    quoted("vivit-l",  ("ViViT-L [3]",      "IN-21K+K-400"),                  paper=(44.0, 66.4,             56.8)),
    row("mformer",     (Bold("Mformer"),    "IN-21K+K-400"),                  paper=(43.1, 66.7,             56.5)),
    row("mformer-l",   (Bold("Mformer-L"),  "IN-21K+K-400"), LONG,            paper=(44.1, 67.1,             57.6)),
    row("mformer-hr",  (Bold("Mformer-HR"), "IN-21K+K-400"), HIGH_RESOLUTION, paper=(*bold(44.5), Underlined(67.0), *bold(58.5))),
)
# fmt: on

QUOTED = [r.key for r in ROWS if r.quoted]
KEYS = [r.key for r in ROWS]

# fmt: off
CLAIMS = (
    claim("M45", "abstract", "State of the art on actions of EPIC-Kitchens",
          best("mformer-hr", "action", QUOTED), real_data=True),
    claim("M46", "section 4.3", "A lead of 2.3 % on nouns",
          About(cell("mformer-hr.noun") - cell("vivit-l.noun"), 2.3, 0.05), real_data=True),
    claim("M47", "underline", "Mformer-HR is second on verbs", ranked("mformer-hr", "verb", KEYS, 2), real_data=True),
)
# fmt: on

TABLE = Table(
    name="motionformer/table6c",
    caption="Comparison to the state-of-the-art on video action recognition: Epic-Kitchens",
    source="arXiv:2106.05392, Table 6c",
    labels=("Method", "Pretrain"),
    pretraining="Pretrain",
    columns=COLUMNS,
    rows=ROWS,
    tiny=TINY,
    notes=(
        BATCH_NOTE,
        "An action is correct if both its verb and its noun are. Frames are BGR, as in the authors' code.",
        *TRAINING_NOTES,
    ),
    claims=CLAIMS,
)
