"""Benchmark cases of MSCA and TokenShift: their cost relative to the frame-wise ViT."""

from benchmarks.shifts import cases
from models.msca.attention import HeadShift, TokenGroupShift
from models.msca.model import MSCA, TokenShift

CASES = cases(
    {
        "tokenshift": TokenShift.Config(),
        "msca-kv": MSCA.Config(),
        "msca-kv-8": MSCA.Config(attention=HeadShift.Config(past_heads=4, future_heads=4)),
        "msca-qkv": MSCA.Config(attention=HeadShift.Config(of="qkv")),
        "msca-pkv": MSCA.Config(attention=TokenGroupShift.Config()),
    }
)
