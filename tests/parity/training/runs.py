"""Runs of the training fixtures: the papers' own recipes at the sizes of a fixture, without what it switched off."""

from collections.abc import Callable
from dataclasses import replace

from experiments.cast import base as cast
from experiments.motionformer import base as motionformer
from experiments.motionformer.table5 import LISTOPS, NYSTROM, ORTHOFORMER
from experiments.msca import base as msca
from experiments.spec.edits import Edit, Edits, apply, model, optim
from experiments.spec.run import RunConfig
from experiments.xvit import base as xvit
from lightning_modules.one_cycle import OneCycleSchedule
from lightning_modules.optim import AdamW, StepSchedule
from models.cast.bottleneck import BottleneckExchange
from models.cast.clip_expert import ClipExpert
from models.cast.frame_expert import ImageExpert
from models.framewise.model import FrameMeanHead, FramePositions
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.trajectory import TrajectoryAttention
from models.msca.model import FramewiseConfig, TokenShift
from models.positions import SeparatePositions
from models.xvit.heads import TemporalAttentionHead
from models.xvit.mixing import SpaceTimeMixing


def run_of(content: dict) -> RunConfig:
    """Run of a fixture."""
    official, items = content["official"], content["batches"]["items"]
    run, edits = RUNS[content["config"]["model"]](content["config"], official["settings"])
    run = apply(
        replace(run, parents=()), (*edits, *optim(batch_size=items * content["accumulation"], precision="32-true"))
    )
    if run.objective.mixup is not None:  # type: ignore[attr-defined]
        groups = {"clips_per_lambda": items, "clips_per_exchange": items, "partner": "reversed", "probability": 1.0}
        run = apply(run, [Edit(f"objective.mixup.{name}", value) for name, value in groups.items()])
    assert run.optim is not None
    rest = () if run.optim.rest_multiple is None else optim(rest_multiple=items)
    narrowed, schedule = content["narrowed"], run.optim.schedule
    if isinstance(schedule, OneCycleSchedule):
        run = apply(run, optim(steps=content["steps"], schedule=OneCycleSchedule(warmup=narrowed["warmup_steps"])))
    elif run.optim.epochs != content["epochs"]:
        run = apply(run, optim(epochs=content["epochs"]))
        if isinstance(schedule, StepSchedule):
            stated = narrowed.get("milestones", official["milestones"])
            run = apply(run, optim(schedule=replace(schedule, milestones=tuple(m for m in stated if m))))
    if content["config"]["model"] == "CAST":  # whose loss is divided by the accumulation twice
        run = apply(run, optim(optimizer=AdamW(eps=content["accumulation"] / 1e8)))
    return apply(run, rest)


def sizes(config: dict) -> dict[str, int]:
    """Sizes of a trunk."""
    return {"width": config["embed_dim"], "depth": config["depth"], "heads": config["num_heads"]}


def motionformer_run(config: dict, settings: str) -> tuple[RunConfig, Edits]:
    """Default run of a data set, with the attention of a fixture."""
    attention = {
        "trajectory": TrajectoryAttention.Config(),
        "divided": DividedAttention.Config(),
        "joint": JointAttention.Config(),
    }[config["attention"]]
    bases = {"K400": motionformer.K400, "SSV2": motionformer.SSV2, "EK": motionformer.EPIC100}
    edits = model(**sizes(config), attention=attention, positions=SeparatePositions.Config(side=14), drop_path=0.0)
    return bases[settings.split("/")[1].upper()], edits


def cast_run(config: dict, settings: str) -> tuple[RunConfig, Edits]:
    """Default run of a data set, with small experts."""
    bases = {"ek100": cast.EPIC100, "ssv2": cast.SSV2, "kinetics": cast.K400}
    edits = model(
        spatial=replace(ImageExpert.Config(patch=config["patch"]), **sizes(config)),
        temporal=replace(ClipExpert.Config(patch=config["patch"]), **sizes(config)),
        exchange=BottleneckExchange.Config(ratio=config["down_ratio"]),
        drop_path=0.0,
    )
    return bases[settings.split("/")[1]], edits


def xvit_run(config: dict, settings: str) -> tuple[RunConfig, Edits]:
    """Default run of a data set, with the head of a fixture."""
    attention = SpaceTimeMixing.Config(
        window=int(config["mixing"]), fraction=2 / config["div"], segment_frames=config["segments"]
    )
    with_attention = config["aggregation"] == "temporal attention"
    head = TemporalAttentionHead.Config(heads=config["num_heads"], dropout=0.0)
    edits = model(
        **sizes(config),
        attention=attention,
        positions=FramePositions.Config(in_time=True, period=8),
        head=head if with_attention else FrameMeanHead.Config(dropout=0.0),
    )
    rules = () if with_attention else (edit for edit in xvit.MEAN if edit.path == "optim.rules")
    return xvit.SSV2 if "SSv2" in settings else xvit.K400, (*edits, *rules)


def token_shift_run(config: dict, settings: str) -> tuple[RunConfig, Edits]:
    """Default run of Kinetics with the ViT or TokenShift."""
    net = {"ViT": FramewiseConfig(), "TokShift": TokenShift.Config(division=config.get("div", 4))}[config["net"]]
    return msca.K400, (Edit("model", replace(net, **sizes(config))),)


def sequence_run(config: dict, settings: str) -> tuple[RunConfig, Edits]:
    """Run of ListOps, with the approximation of a fixture and the choices of the authors' code."""
    edits: dict[str, Callable[[], Edits]] = {
        "softmax": lambda: (),
        "nystrom": lambda: (
            *NYSTROM,
            Edit("model.approximation.inverse_start", "all maps"),
            Edit("model.approximation.conv_kernel", config["conv_kernel_size"]),
        ),
        "orthoformer": lambda: (*ORTHOFORMER, Edit("model.approximation.candidates", config["candidates"])),
    }
    prototypes = (Edit("model.approximation.num_prototypes", config["prototypes"]),) if "prototypes" in config else ()
    without_dropout = model(**sizes(config), hidden=config["hidden"], dropout=0.0, attention_dropout=0.0)
    return LISTOPS, (*edits[config["attention"]](), *prototypes, *without_dropout)


RUNS: dict[str, Callable[[dict, str], tuple[RunConfig, Edits]]] = {
    "Motionformer": motionformer_run,
    "CAST": cast_run,
    "X-ViT": xvit_run,
    "TokShift": token_shift_run,
    "LRA encoder": sequence_run,
}
