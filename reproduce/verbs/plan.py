"""`reproduce plan`: distinct runs of tables, their states, and their remaining cost. `doctor` finds what stops them."""

import json
from functools import partial

import torch

from data.errors import DataError, number_of
from data.item_lists import ItemLists
from data.stand_ins.stand_in import generated_root
from experiments.spec.metrics import TRAINABLE_PARAMETERS
from experiments.spec.run import RunConfig
from experiments.spec.scales import A100, find_scale
from interface.evaluation import EvalConfig
from reproduce.budget import rows_within
from reproduce.jobs_to_start import check_start, jobs_and_files
from reproduce.next_command import say_next
from reproduce.options import DONE, Plan
from reproduce.selection import NOTHING_TO_RUN, resources_of, store_of
from reproduce.terminal import table_text, wrapped
from reproduce.verbs.status import FINISHED, job_state
from runner.jobs.launch import default_parallel
from runner.machine.files import free_bytes
from runner.machine.messages import bytes_text, device_time_text
from runner.machine.resources import Counts, Resources
from runner.measure.computed_values import computed
from runner.measure.device_time import (
    GPUS,
    LEAST_TIMES,
    Work,
    assumed_cpu_speed,
    assumed_speed,
    device_seconds,
    flops,
    measured_reading,
    measured_speed,
    step_speed,
    trained_per_second,
    work,
)
from runner.store.jobs import Job
from runner.store.store import RunStore
from runner.weights.download import size_of_download
from runner.weights.released import Release

FROM_LISTS, OFFICIAL, GENERATED = "annotation files", "official split sizes", "stand-in"
HEADERS = (
    "run", "id", "state", "cells", "epochs", "steps", "items x accumulation", "PFLOP left", "time left", "printed",
)  # fmt: skip
NUMBERS = (3, 4, 5, 7, 8, 9)
SECONDS_OF_START = 10  # of a run of a small model on a CPU, most of them for imports
BYTES_PER_NUMBER = 4
UNTRAINED, NO_SPLIT = "–", "?"  # instead of the split of a batch: of a run that is not trained; if there is none
COPIES_OF_CHECKPOINT = 3  # the last two are kept, and one is written before it replaces the last one


def execute(options: Plan) -> int:
    scale, store, resources = find_scale(options.scale), store_of(options), resources_of(options)
    found, files = jobs_and_files(options, store)
    check_start(options, found, store)
    resources.check_names(job.run for job in found)
    for job in found if options.overrides else ():  # what tables give can be run
        job.run.check()
    plans = plan_json(options, found, store, resources)
    if options.json:
        print(json.dumps(plans, indent=1))
    else:
        print(plan_text(options, found, plans, resources))
        if scale.gpu is not None and not scale.comparable:
            splits = (plan["split"] for plan in plans)
            trained = [job for job, split in zip(found, splits, strict=True) if split not in (UNTRAINED, NO_SPLIT)]
            if text := memory_text(trained, options.gpu or scale.gpu[0], resources):
                print(wrapped(text))
        for release in files:
            print(file_text(release, store))
    starts = "submit" if options.nodes > 1 else "run"
    if options.budget is not None and plans:
        hours = {job.key: plan["device_hours_left"] for job, plan in zip(found, plans, strict=True)}
        fitting, text = rows_within(found, hours, options.budget, resources.num_devices)
        if not options.json:
            print(wrapped(text))
        if fitting:
            say_next(starts, options, fitting)
        return DONE
    pending = [plan for plan in plans if plan["state"] not in FINISHED]
    stopped = any(plan["petaflops_left"] is None for plan in pending)
    say_next("doctor" if stopped else starts if pending else "report", options)
    return DONE


def on_cpu(options: Plan) -> bool:
    """Whether small models run on a CPU whose speed is not given."""
    return not options.speed_is_given and find_scale(options.scale).on_cpu and not torch.cuda.is_available()


def plan_json(options: Plan, found: list[Job], store: RunStore, resources: Resources) -> list[dict]:
    """Plans of jobs. The training of a run is counted for the first of its tests. What is not known is None.

    A speed that is not given is that of finished trainings. Of runs for a GPU, the few published ones on a CPU say
    nothing.
    """
    scale, eval_only, measures = find_scale(options.scale), options.tests_only, not options.speed_is_given
    guess = assumed_speed(scale.gpu or A100, options.gpu, options.utilisation, options.tflops)
    lists, free, first = resources.item_lists(), free_bytes(store.root), dict[str, Job]()
    tested = dict[str, list[EvalConfig]]()
    counted = [counted_items(job.run, resources, lists, eval_only=eval_only) for job in found]
    trained = [
        (job.run, work(job.run, *counts, trains=not eval_only).training)
        for job, (counts, _) in zip(found, counted, strict=True)
        if counts is not None
    ]
    if on_cpu(options):
        known = measured_speed(trained, store) or assumed_cpu_speed()
    else:
        known = (measures and measured_speed(trained, RunStore(store.root))) or guess
    plans = []
    for job, (counts, source) in zip(found, counted, strict=True):
        run, directory = job.run, job.directory(store)
        own = (measures and step_speed(run, store)) or known
        state = job_state(job, store, eval_only=eval_only)
        optim = None if eval_only or directory.weights.exists() else run.optim
        trains = optim is not None and first.setdefault(run.train_id, job) is job
        steps = left = disk = None
        if counts is not None and (optim is None or counts.train >= optim.batch_size):
            steps = 0 if run.optim is None or eval_only else run.optim.num_steps(counts.train)
            whole = work(run, *counts, trains=trains)
            left = Work(round((1 - directory.fraction_trained()) * whole.training), whole.test)
            within = (run.data.views_within(run.evaluation, one) for one in tested.setdefault(run.train_id, []))
            if any(views is not None for views in within):  # its scores are part of another test's
                left = left._replace(test=0)
            tested[run.train_id] += [run.evaluation] if job.cells else []  # imported weights need no test as a parent
            left = Work(0, 0) if state in FINISHED else left
            disk = None if state in FINISHED else disk_use(run, counts.test, trains=trains)
        dataset = run.data.dataset
        root = None if dataset.stand_in is not None else resources.named_root(dataset)
        reading = measured_reading(run, store, root, resources)
        hours, least, most = (
            device_seconds(run, left or Work(0, 0), one, resources.num_devices, reading, scale.read_seconds) / 3600
            for one in (own._replace(flops=own.flops / factor) for factor in (1.0, *own.spread))
        )
        plan = {
            "run": job.name,
            "cells": [*map(str, job.cells)],
            "starts": [*dict.fromkeys(one.full_cell for one in job.needed_by)],
            "train_id": run.train_id,
            "eval_id": run.eval_id,
            "state": state,
            "parents": {parent.name: parent.run.train_id for parent in run.parents},
            "epochs": run.optim and run.optim.epochs,
            "batch_size": run.optim and run.optim.batch_size,
            # Micro-batch, accumulation and devices, or the batch of a device that is split by trying.
            "split": UNTRAINED if optim is None else split_text(run, resources),
            "items": counts and {**counts._asdict(), "source": source},
            "steps": steps,
            "gmacs": run.model.macs(run.data.size, run.data.targets) / 1e9,
            "petaflops_left": left and flops(run, left) / 1e15,
            "device_hours_left": left and hours,
            "device_hours_range": left and (least, most),  # that a guess stands for
            "printed_device_hours": job.printed_hours,
            "speed": own.source,
            "speed_is_measured": own.is_measured,
            # Measured speed of reading, and which waits: reading or the device.
            "reading": reading and reading.text(dataset.unit, trained_per_second(run, own)),
            "bytes": disk,
            "bytes_free": free,
        }
        plans.append(plan)
    return plans


def split_text(run: RunConfig, resources: Resources) -> str:
    devices = number_of(resources.num_devices, "devices")
    try:
        micro_batch, accumulation = resources.split_of(run)
    except ValueError:
        return NO_SPLIT
    if resources.tries_micro_batches:
        return f"{micro_batch * accumulation} in parts that fit on {devices}"
    return f"{micro_batch} x {accumulation} on {devices}"


def counted_items(
    run: RunConfig, resources: Resources, lists: ItemLists, *, eval_only: bool
) -> tuple[Counts | None, str]:
    """Numbers of items, and their source: the annotation files or, without these, the official splits."""
    dataset = run.data.dataset
    try:
        counts = resources.counts(run, lists, trains=run.optim is not None and not eval_only)
    except DataError:
        test = dataset.official_size("test")
        train = 0 if run.optim is None or eval_only else dataset.official_size("train")
        return None if train is None or test is None else Counts(train, test), OFFICIAL
    return counts, FROM_LISTS if dataset.stand_in is None else GENERATED


def disk_use(run: RunConfig, num_test: int, *, trains: bool) -> dict[str, int]:
    """Bytes of what a run writes: weights, scores of each view, and checkpoints, which go when its training ends."""
    weights = checkpoint = 0
    if trains and run.optim is not None:
        millions = computed(TRAINABLE_PARAMETERS.name, TRAINABLE_PARAMETERS.of, run)
        weights = round(float(millions or 0) * 1e6) * BYTES_PER_NUMBER
        checkpoint = COPIES_OF_CHECKPOINT * (1 + run.optim.optimizer.num_states) * weights
    predictions = num_test * run.evaluation.views * sum(run.data.targets.classes.values()) * BYTES_PER_NUMBER
    return {"weights": weights, "predictions": predictions, "checkpoint": checkpoint}


def bytes_needed(options: Plan, found: list[Job], plans: list[dict]) -> int:
    """Bytes that the runs and their stand-ins will need, with the checkpoints of the trainings at one time."""
    uses = [plan["bytes"] for plan in plans if plan["bytes"] is not None]
    kept = sum(use["weights"] + use["predictions"] for use in uses)
    checkpoints = default_parallel(find_scale(options.scale)) * max((use["checkpoint"] for use in uses), default=0)
    unfinished = (job.run.data.dataset for job, plan in zip(found, plans, strict=True) if plan["bytes"] is not None)
    datasets = {dataset.stand_in: dataset for dataset in unfinished if dataset.stand_in is not None}
    missing = (dataset.drawing(one) for one, dataset in datasets.items() if generated_root(one) is None)
    return kept + checkpoints + sum(drawing.estimated_bytes() for drawing in missing)


def plan_text(options: Plan, found: list[Job], plans: list[dict], resources: Resources) -> str:
    if not plans:
        return NOTHING_TO_RUN
    pending = sum(plan["state"] not in FINISHED for plan in plans)
    runs = len({plan["train_id"] for plan in plans})
    tested = f" with {len(plans)} tests" if len(plans) > runs else ""
    cells = number_of(sum(len(plan["cells"]) for plan in plans), "cells")
    text = [f"{number_of(runs, 'distinct runs')}{tested} for {cells}, {pending} to do, "]
    text[0] += cost_text(options, plans, resources.num_devices)
    sources = (plan["items"] and plan["state"] not in FINISHED and plan["items"]["source"] for plan in plans)
    official = (job.run.data for job, source in zip(found, sources, strict=True) if source == OFFICIAL)
    for name in dict.fromkeys(data.dataset.name for data in official):
        text.append(f"{name}: the cost is for the official split sizes; the data are not there")
    needed, free = bytes_text(bytes_needed(options, found, plans)), bytes_text(plans[0]["bytes_free"])
    text.append(f"disk: about {needed} for weights, scores, checkpoints and stand-ins; {free} free")
    num_shown = len(HEADERS) if any(plan["printed_device_hours"] for plan in plans) else len(HEADERS) - 1
    lines = [
        (
            plan["run"],
            plan["train_id"],
            plan["state"],
            len(plan["cells"]),
            plan["epochs"] or "–",
            "?" if plan["steps"] is None else plan["steps"],
            plan["split"],
            "?" if plan["petaflops_left"] is None else pflop(plan["petaflops_left"]),
            "?" if plan["device_hours_left"] is None else device_time_text(3600 * plan["device_hours_left"]),
            f"{plan['printed_device_hours']:,.0f} h" if plan["printed_device_hours"] else "–",
        )
        for plan in plans
    ]
    table = table_text(HEADERS[:num_shown], [line[:num_shown] for line in lines], numbers=NUMBERS)
    return "\n".join([table, "", *(wrapped(line) for part in text for line in part.splitlines())])


def memory_text(trained: list[Job], gpu: str, resources: Resources) -> str:
    """What the training steps of jobs keep on a GPU, and how many of their runs take the batch in parts for it.

    Empty for a GPU of unknown memory, and without any run.
    """
    from tqdm import tqdm  # here: other scales need neither

    from runner.measure.memory import OTHER_GB, bytes_of_step

    runs = {job.run.train_id: job for job in trained}
    if gpu not in GPUS or not runs:
        return ""
    gigabytes = GPUS[gpu][1]
    most, too_large, in_parts = 0.0, list[str](), 0
    for job in tqdm(runs.values(), "memory", leave=False, disable=None):
        two, three = (computed("bytes of a step", partial(bytes_of_step, num_items=n), job.run) for n in (2, 3))
        sizes = resources.micro_batches(job.run)
        steps = {size: two + (size - 2) * (three - two) for size in sizes}
        fitting = [size for size in sizes if steps[size] <= 1e9 * (gigabytes - OTHER_GB)]
        if not fitting:
            too_large.append(job.name)
            continue
        in_parts += fitting[-1] < sizes[-1]
        most = max(most, steps[fitting[-1]])
    text = (
        f"memory of one {gpu}: a training step keeps at most {bytes_text(most)} of {gigabytes} GB, by its tensors; "
        f"{in_parts} of {number_of(len(runs), 'runs')} take the batch in parts for it"
    )
    return f"{text}; too large: {', '.join(too_large)}" if too_large else text


def file_text(release: Release, store: RunStore) -> str:
    """What is left to do until the weights of a released file can be tested, with the size of a download."""
    finding = release.finding(store)
    text = f"{finding.what}; {finding.remedy}" if finding.remedy else finding.what
    if not text.endswith(release.url):
        return text
    if (size := size_of_download(release.url)) is not None:
        return f"{text}, {bytes_text(size)}"
    size = BYTES_PER_NUMBER * release.run.model.cost(release.run.data.size, release.run.data.targets).parameters
    return f"{text}, about {bytes_text(size)} by its parameters"


def cost_text(options: Plan, plans: list[dict], num_devices: int) -> str:
    at_least = "at least " if any(plan["petaflops_left"] is None for plan in plans) else ""
    total = sum(plan["petaflops_left"] or 0.0 for plan in plans)
    seconds = 3600 * sum(plan["device_hours_left"] or 0.0 for plan in plans)
    ranges = [plan["device_hours_range"] for plan in plans if plan["device_hours_range"]]
    ends = [3600 * sum(one[end] for one in ranges) for end in (0, 1)]
    between = f" ({' to '.join(map(device_time_text, ends))})" if ends[0] < ends[1] else ""
    if at_least and not total:
        return "cost unknown: `reproduce doctor` says what stops these runs."
    starts = on_cpu(options) and any(plan["state"] not in FINISHED for plan in plans)
    start = f", and {SECONDS_OF_START} s for the start of a run" if starts else ""
    wall = f", {device_time_text(seconds / num_devices)} on {num_devices} devices" if num_devices > 1 else ""
    sources = dict.fromkeys([plan["speed"] for plan in plans] + [plan["reading"] for plan in plans if plan["reading"]])
    least = "" if on_cpu(options) or all(plan["reading"] for plan in plans) else f"; {LEAST_TIMES}"
    return (
        f"{at_least}{pflop(total)} PFLOP (multiply and add counted as two).\n"
        f"{(at_least or 'about ').capitalize()}{device_time_text(seconds)}{between} of device time{wall}{start}, "
        f"{'; '.join(sources)}{least}"
    )


def pflop(petaflops: float) -> str:
    """Operations in 10^15, with a precision that suits the number."""
    return f"{petaflops:,.1f}" if petaflops >= 0.1 or not petaflops else f"{petaflops:.1g}"
