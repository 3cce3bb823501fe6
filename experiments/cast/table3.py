"""Table 3 of CAST: stage-wise details of the two experts in B-CAST, traced from the model on the meta device."""

from collections.abc import Callable
from functools import cache, partial

from torch import Tensor, nn

from experiments.cast.base import EPIC100, table
from experiments.spec.language import ByColumn, Column, Computed, RunConfig, row
from interface.sizes import ClipSize
from models.cast.bottleneck import BottleneckExchange
from models.cast.cross_attention import CrossAttention, windows
from models.cast.model import CAST

BATCH = 5  # distinct from all other sizes, so that it can be recognised in a shape
STREAMS = ("spatial", "temporal")


@cache
def traced(run: RunConfig) -> dict[str, Tensor]:
    """Tensors of the first block with B-CAST by name, on the meta device."""
    model = run.model.on_meta(run.data.size, run.data.targets)
    assert isinstance(model, CAST)
    exchange = next(iter(model.exchanges.values()))
    assert isinstance(exchange, BottleneckExchange)
    tensors: dict[str, Tensor] = {}

    def record(module: nn.Module, *names: str) -> None:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> None:
            for name, tensor in zip(names, (*inputs, output), strict=True):
                if isinstance(tensor, Tensor):
                    tensors[name] = tensor

        module.register_forward_hook(hook)

    for stream, attention in (("spatial", exchange.t2s), ("temporal", exchange.s2t)):
        assert isinstance(attention, CrossAttention) and attention.query_positions is not None
        record(attention, f"{stream} queries", f"{stream} context", f"{stream} attended")
        tensors[f"{stream} positions"] = next(attention.query_positions.parameters())
    record(exchange.down_s, "spatial input", "spatial down")
    record(exchange.down_t, "temporal input", "temporal down")
    record(exchange.up_s or nn.Identity(), "spatial joined", "spatial up")
    record(exchange.up_t or nn.Identity(), "temporal joined", "temporal up")
    clips = run.data.size.example(BATCH, "meta")
    model.eval()(*clips)
    return tensors


def text(tensor: Tensor, run: RunConfig) -> str:
    """Shape with B for the number of clips, as in B·8 × (196+1) × 768."""
    model = run.model
    assert isinstance(model, CAST.Config)
    grid = model.spatial.layout(ClipSize.of(run.data.size)).grid
    T, S = grid.frames, grid.patches
    names = {BATCH: "B", BATCH * T: f"B·{T}", BATCH * S: f"B·{S}", 1 + S: f"({S}+1)", T * S: f"{T}·{S}"}
    return "×".join(names.get(size, str(size)) for size in tensor.shape)


def in_windows(tensor: Tensor, attention: str, run: RunConfig) -> Tensor:
    """Patches with the tokens of a window next to each other."""
    assert isinstance(run.model, CAST.Config) and isinstance(run.model.exchange, BottleneckExchange.Config)
    window = run.model.exchange.t2s if attention == "spatial" else run.model.exchange.s2t
    assert window is not None
    return windows(tensor, 1, window).flatten(0, 1)


def nothing(stream: str, run: RunConfig) -> None:
    """Remark of a stage that describes it in words alone."""


def traced_row(key: str, of: Callable[..., str], *stage: str, remark: Callable[..., str | None] = nothing) -> ByColumn:
    """Metric of a row: a remark and a text for each stream.

    Args:
        of: text for a stage, if there is one, "spatial" or "temporal", and a run.
        remark: remark for a stream and a run.
    """
    texts = {stream: Computed(f"{key}_{stream}", partial(of, *stage, stream)) for stream in STREAMS}
    remarks = {f"{stream}-remark": Computed(f"{key}_{stream}_remark", partial(remark, stream)) for stream in STREAMS}
    return ByColumn(key, remarks | texts)


def ratio(before: str, after: str, stream: str, run: RunConfig) -> str:
    """Remark on a projection: the width after a stage, relative to that before it."""
    widths = [traced(run)[f"{stream} {stage}"].shape[-1] for stage in (after, before)]
    return f"Linear projection with ratio = {widths[0] / widths[1]:.1f}"


def window(stream: str, run: RunConfig) -> str:
    """Remark on a cross-attention: its streams and its window."""
    assert isinstance(run.model, CAST.Config) and isinstance(run.model.exchange, BottleneckExchange.Config)
    names, shape = {"spatial": ("T2S", run.model.exchange.t2s), "temporal": ("S2T", run.model.exchange.s2t)}[stream]
    return "{} MHCA(Y_{}, Y_{}); Window shape: {}".format(names, *(name[0] for name in own_first(stream)), shape)


def parameters(stream: str, run: RunConfig) -> str:
    """Remark on the positions of the stream's queries, which have the shape of those of its keys."""
    return f"# parameters: {text(traced(run)[f'{stream} positions'], run)}"


def own(stage: str, stream: str, run: RunConfig) -> str:
    """Text of the stream's own tokens after a stage, e.g. "down"."""
    return f"Y_{stream[0]}: {text(traced(run)[f'{stream} {stage}'], run)}"


def both(stage: str, stream: str, run: RunConfig) -> str:
    """Text of the tokens of both streams after a stage, the stream's own first."""
    return ", ".join(own(stage, name, run) for name in own_first(stream))


def attended(stream: str, run: RunConfig) -> str:
    """Text of the output of the stream's cross-attention, in windows."""
    return f"Y_{stream[0]}: {text(in_windows(traced(run)[f'{stream} attended'], stream, run), run)}"


def in_both_windows(stream: str, run: RunConfig) -> str:
    """Text of the queries and of the keys and values of the stream's cross-attention, in its windows."""
    queries, context = (traced(run)[f"{stream} {name}"] for name in ("queries", "context"))
    first, other = own_first(stream)
    parts = ((first, queries), (other, context))
    return ", ".join(f"Y_{name[0]}: {text(in_windows(tensor, stream, run), run)}" for name, tensor in parts)


def own_first(stream: str) -> tuple[str, str]:
    """Both streams, beginning with this one."""
    first, second = STREAMS
    return (first, second) if stream == first else (second, first)


COLUMNS = tuple(
    Column(key=f"{stream}{key}", header=(f"{stream.title()} Expert", header), base=EPIC100)
    for stream in STREAMS
    for key, header in (("-remark", "Remark"), ("", "Output Tensor Shape"))
)
HALF = ("Y_s: (196+1)×B·8×384", "Y_t: B×8·196×384")
WIDE = ("Y_s: (196+1)×B·8×768", "Y_t: B×8·196×768")
WINDOWS = ("Y_s: B·196×8×384, Y_t: B·196×8×384", "Y_t: B·8×196×384, Y_s: B·8×196×384")


def printed(remarks: tuple[str | None, str | None], shapes: tuple[str, str]) -> tuple[str | None, ...]:
    """Printed cells of a stage: a remark and shapes for each expert."""
    return (remarks[0], shapes[0], remarks[1], shapes[1])


def projection(factor: str) -> tuple[str, str]:
    """Printed remarks on a projection."""
    remark = f"Linear projection with ratio = {factor}"
    return remark, remark


# fmt: off
ROWS = (
    row("up",        ("Up Projection",), metric=traced_row("up", own, "up", remark=partial(ratio, "joined", "up")),
        paper=printed(projection("2.0"), WIDE)),
    row("joined",    ("Post Processing",), metric=traced_row("joined", own, "joined"),
        paper=printed(("Attach CLS token of Y_s; Reshape: N×B·T×D", "Reshape: B×T·N×D"), HALF)),
    row("attention", ("Cross-Attention",), metric=traced_row("attention", attended, remark=window),
        paper=printed(("T2S MHCA(Y_s, Y_t); Window shape: time", "S2T MHCA(Y_t, Y_s); Window shape: space"),
                      ("Y_s: B·196×8×384", "Y_t: B·8×196×384"))),
    row("positions", ("Positional Embeddings",), metric=traced_row("positions", in_both_windows, remark=parameters),
        paper=printed(("# parameters: 8×384", "# parameters: 196×384"), WINDOWS)),
    row("windows",   ("Pre processing",), metric=traced_row("windows", in_both_windows),
        paper=printed(("Detach CLS token of Y_s; Reshape: B·N×T×D", "Detach CLS token of Y_s; Reshape: B·T×N×D"), WINDOWS)),
    row("gathered",  ("Gather Features",), metric=traced_row("gathered", both, "down"),
        paper=printed(("Gather Y_t from Temporal Expert", "Gather Y_s from Spatial Expert"),
                      (", ".join(HALF), ", ".join(reversed(HALF))))),
    row("down",      ("Down Projection",), metric=traced_row("down", own, "down", remark=partial(ratio, "input", "down")),
        paper=printed(projection("0.5"), HALF)),
    row("input",     ("Input of B-CAST",), metric=traced_row("input", own, "input"), paper=printed((None, None), WIDE)),
)
# fmt: on

TABLE = table(
    "table3",
    "Stage-wise details of the two experts in B-CAST",
    labels=("B-CAST Stage",),
    columns=COLUMNS,
    rows=ROWS,
    notes=(
        "Stages are printed from the last to the first, as in the paper. Shapes are traced from the model, with B for the "
        "number of clips. Of the remarks, ratios, windows and numbers of parameters are those of the model.",
        "The tokens of the spatial expert are B·8×(196+1) here and (196+1)×B·8 in the released code.",
    ),
)
