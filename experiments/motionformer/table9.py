"""Table 9 of Motionformer: propagation of masks on DAVIS 2017 by the attention of a model trained on Kinetics-400.

Appendix 6.1.6. Nothing is trained. The paper states neither the layer nor the size, clip and rules of the propagation.
"""

from dataclasses import replace

from data.masked_sequences import MaskedSequences
from experiments.motionformer.base import BASE, K400, TRAINING_NOTES, table
from experiments.spec.claims import Ours, cell, claim, mean, unbounded, within
from experiments.spec.language import (
    Column,
    Edit,
    MaskStrips,
    Parent,
    RunConfig,
    Tested,
    TinyNote,
    bold,
    data,
    model,
    quoted,
    row,
)
from interface.evaluation import EvalConfig
from lightning_modules.mask_propagation import MaskPropagation
from models.positions import SeparatePositions
from models.propagation.label_propagation import KeptMask, LabelPropagation
from models.propagation.rules import DINO

DAVIS = RunConfig(
    model=LabelPropagation.Config(
        # Frames are not square: the learnt 14 x 14 positions are resized.
        backbone=replace(BASE, init=None, positions=SeparatePositions.Config(side=14)),
        # The last block whose patches are queries in the training: the head reads only CLS of the last block.
        block=-2,
    ),
    data=MaskedSequences(),
    objective=MaskPropagation(),
    optim=None,
    evaluation=EvalConfig(views=1, crops=1),
    parents=(Parent(run=K400),),
)

COLUMNS = (
    Column(key="jf", header="(J&F)ₘ", metric=Tested("jf"), base=DAVIS, best="max"),
    Column(key="j", header="Jₘ", metric=Tested("j"), base=DAVIS, best="max"),
    Column(key="f", header="Fₘ", metric=Tested("f"), base=DAVIS, best="max"),
)
NOT_PRINTED = (None, None, None)

DINO_RULES = (*model(rules=replace(DINO, context=None)), *data(multiple=64))
STILL = model(clips="still")
LAST = model(block=-1)
KEYS = model(affinity="keys")
TOKENS = model(affinity="tokens", block=-1)
RANDOM = (*model(random_weights=True), Edit("parents", ()))
RANDOM_TOKENS = (*TOKENS, *RANDOM)
KEPT = (Edit("model", KeptMask.Config()), Edit("parents", ()))

# fmt: off
ROWS = (
    quoted("imagenet",  ("Supervised",      "ImageNet",  "INet",    "ViT-S/8"),                         paper=(66.0, 63.9, 68.1)),
    quoted("stm",       ("Supervised",      "STM [57]",  "I/D/Y",   "RN50"),                            paper=(81.8, 79.2, 84.3)),
    row("ours",         ("Supervised",      "Ours",      "K-400",   "Mformer-B/16"),                    paper=(60.6, 58.3, 62.9)),
    quoted("ct",        ("Self-supervised", "CT [88]",   "VLOG",    "RN50"),                            paper=(48.7, 46.4, 50.0)),
    quoted("mast",      ("Self-supervised", "MAST [45]", "YT-VOS",  "RN18"),                            paper=(65.5, 63.3, 67.6)),
    quoted("stc",       ("Self-supervised", "STC [34]",  "Kinetics", "RN18"),                           paper=bold(67.6, 64.8, 70.2)),
    quoted("dino",      ("Self-supervised", "DINO [11]", "INet",    "ViT-B/16"),                        paper=(62.3, 60.7, 63.9)),
    row("dino-rules",   ("Not printed", "Ours, rules of DINO",          "K-400", "Mformer-B/16"), DINO_RULES, paper=NOT_PRINTED),
    row("last-block",   ("Not printed", "Ours, last block",             "K-400", "Mformer-B/16"), LAST,       paper=NOT_PRINTED),
    row("keys",         ("Not printed", "Ours, keys",                   "K-400", "Mformer-B/16"), KEYS,       paper=NOT_PRINTED),
    row("tokens",       ("Not printed", "Ours, output tokens",          "K-400", "Mformer-B/16"), TOKENS,     paper=NOT_PRINTED),
    row("still",        ("Not printed", "Ours, a clip of each frame",   "K-400", "Mformer-B/16"), STILL,      paper=NOT_PRINTED),
    row("random",       ("Not printed", "Ours, random weights",         None,    "Mformer-B/16"), RANDOM,     paper=NOT_PRINTED),
    row("random-tokens", ("Not printed", "Ours, output tokens, random weights", None, "Mformer-B/16"), RANDOM_TOKENS, paper=NOT_PRINTED),
    row("kept",         ("Not printed", "First mask kept",              None,    None),           KEPT,       paper=NOT_PRINTED),
)
CLAIMS = (
    claim("M55", "section 6.1.6", "Frozen attention maps segment videos competitively",
          unbounded(cell("ours.jf") - cell("dino.jf")), real_data=True),
    claim("M56", "Table 9", "J&F of CT is the mean of its J and F",
          within(cell("ct.jf") - mean(cell("ct.j"), cell("ct.f")), Ours(0.1)), real_data=True),
)
# fmt: on

TABLE = table(
    "table9",
    "DAVIS 2017 Video object segmentation",
    labels=("Supervision", "Method", "Data", "Arch."),
    columns=COLUMNS,
    rows=ROWS,
    figure=MaskStrips(
        column="jf",
        shown=("ours", "tokens", "random", "kept"),
        sequence="dogs-jump",
        stand_in_sequence="shapes-00",
    ),
    notes=(
        "“Not printed” marks rows of ours: two other readings of the paper, features in place of attention, and controls.",
        "Ours reads “attention maps in the label propagation setting as in [34]” as the attention of a patch to each "
        "earlier frame (equation 4) in the last block but one, the mean over its heads, in the rules of the code of [34]. A "
        "clip has the first frame, six earlier ones and the frame itself, each twice, because a token covers two frames. In "
        "the last block, no patch is a query while the model is trained, because the head reads CLS alone.",
        "Scores are those of the official evaluation: the first and the last frame are not scored, void pixels are "
        "background, and means are over objects. Results also have recall and decay.",
        TinyNote(
            "Attention is worse than the first mask kept: the queries of a small classifier do not look for the same object "
            "in another frame, least of all in its last block, and masks get lost. Its keys and its output tokens find the "
            "object by the same propagation."
        ),
        "Nothing states by how much the unspecified choices change the printed numbers. Each is a field of "
        "`model`, `model.rules` or `data`.",
        *TRAINING_NOTES[:1],
    ),
    claims=CLAIMS,
)
