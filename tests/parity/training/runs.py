"""Runs of the training fixtures: the papers' own recipes at the sizes of a fixture, without what it switched off."""

from dataclasses import replace
from typing import Any

from experiments.cast import base as cast
from experiments.motionformer import base as motionformer
from experiments.motionformer.table5 import LISTOPS, NYSTROM, ORTHOFORMER
from experiments.msca import base as msca
from experiments.spec.edits import Edit, Edits, apply, model, optim
from experiments.spec.run import RunConfig
from experiments.xvit import base as xvit
from lightning_modules.one_cycle import OneCycleSchedule
from lightning_modules.optim import AdamW, StepSchedule
from tests.parity.models import config_of


def run_of(content: dict) -> RunConfig:
    """Run of a fixture."""
    official, items = content["official"], content["batches"]["items"]
    run, edits = base_of(content["config"], official["settings"])
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


def base_of(config: dict, settings: str) -> tuple[RunConfig, Edits]:
    """Default run of the authors' settings file, and its edits to the model of a fixture, without dropout."""
    if config["model"] == "LRA encoder":
        return LISTOPS, sequence_edits(config)
    net: Any = config_of(config)
    match config["model"]:
        case "X-ViT":
            run, net = xvit.SSV2, replace(net, head=replace(net.head, dropout=0.0))
        case "TokShift":
            run = msca.K400
        case "CAST":
            run = cast.EPIC100
        case _:
            run = {"K400": motionformer.K400, "EK": motionformer.EPIC100}[settings.split("/")[1]]
    return run, (Edit("model", replace(net, drop_path=0.0)),)


def sequence_edits(config: dict) -> Edits:
    """Approximation of a fixture of ListOps, and the choices of the authors' code."""
    edits: dict[str, Edits] = {
        "softmax": (),
        "nystrom": (*NYSTROM, Edit("model.approximation.inverse_start", "all maps")),
        "orthoformer": (*ORTHOFORMER, Edit("model.approximation.candidates", config.get("candidates"))),
    }
    names = {"prototypes": "num_prototypes", "conv_kernel_size": "conv_kernel"}
    numbers = [
        Edit(f"model.approximation.{ours}", config[theirs]) for theirs, ours in names.items() if theirs in config
    ]
    sizes = model(width=config["embed_dim"], depth=config["depth"], heads=config["num_heads"], hidden=config["hidden"])
    return (*edits[config["attention"]], *numbers, *sizes, *model(dropout=0.0, attention_dropout=0.0))
