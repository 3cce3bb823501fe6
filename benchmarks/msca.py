"""Cases of MSCA and TokenShift: their cost relative to the frame-wise ViT."""

from benchmarks.compare import against_plain_vit
from models.msca.attention import HeadShift, TokenGroupShift
from models.msca.model import MSCA, TokenShift

CASES = against_plain_vit(
    {
        "tokenshift": TokenShift.Config(),
        "msca-kv": MSCA.Config(),
        "msca-kv-8": MSCA.Config(attention=HeadShift.Config(past_heads=4, future_heads=4)),
        "msca-qkv": MSCA.Config(attention=HeadShift.Config(of="qkv")),
        "msca-pkv": MSCA.Config(attention=TokenGroupShift.Config()),
    }
)
