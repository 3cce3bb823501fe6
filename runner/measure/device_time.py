"""Device time of the remaining work: from the speed of finished trainings, or from an assumed utilisation of a GPU."""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from data.errors import number_of
from experiments.spec.run import RunConfig
from runner.store.provenance import cores, hardware
from runner.store.store import RunStore

if TYPE_CHECKING:
    from runner.machine.resources import Resources

READING = "reading"  # kind of the measurement
TRAINING_PASSES = 3  # a backward pass costs about two forward passes
FLOPS_PER_MAC = 2
# Dense float16 peak of the tensor cores in TFLOP/s, accumulated in float32, by the data sheets and, for the SXM cards,
# those of the SXM versions; and memory of the smallest version in 10^9 bytes.
GPUS = {
    "V100": (125, 16), "A100": (312, 40), "H100": (989, 80), "H200": (989, 141), "B200": (2250, 180), "T4": (65, 16),
    "A10": (125, 24), "L4": (121, 24), "L40S": (362, 48), "RTX 3090": (71, 24), "RTX 4090": (165, 24),
    "RTX 5090": (209, 32), "RTX A6000": (155, 48),
}  # fmt: skip
LEAST_UTILISATION, LARGEST_UTILISATION = 0.08, 0.5  # the least is that of printed hours, on a V100
STEP_SECONDS = 0.01  # least time of a training step: about 1,000 kernels, each launched in 10 microseconds
CORES = 16  # that read for a GPU
LEAST_TIMES = f"at least {STEP_SECONDS:g} s a step, and what reading takes on {CORES} cores a GPU"
CPU_GFLOPS = 20  # about the median of the trainings behind the committed results at scale tiny, of one thread each


class Work(NamedTuple):
    """Forward passes of single views of a run: those of its training, backward passes included, and of its test."""

    training: int
    test: int


class Speed(NamedTuple):
    """Sustained speed of a device."""

    flops: float
    """Operations per second, a multiply-add counted as two."""
    is_measured: bool
    source: str
    """Where it comes from, in words."""
    spread: tuple[float, float] = (1.0, 1.0)
    """Factors of the least and the longest time that a guess stands for."""


class Reading(NamedTuple):
    """Measured speed of reading the items of a run, in which data are read for a device."""

    per_second: float
    workers: int
    """Number of processes; without any, the device waits while the main process reads."""

    def waiting_share(self, per_second: float) -> float:
        """Share of the time for which a device waits that computes so many items a second."""
        if self.workers == 0:
            return per_second / (per_second + self.per_second)
        return max(0.0, 1 - self.per_second / per_second)

    def text(self, unit: str, per_second: float) -> str:
        """Which of the two waits, in words: reading, or a device that computes so many items a second."""
        rate = f"reading, measured: {self.per_second:.3g} {unit}/s with {number_of(self.workers, 'workers')}"
        share = self.waiting_share(per_second)
        return (
            f"{rate}, for which the device waits {100 * share:.0f} % of a training" if share else f"{rate}, which wait"
        )


def work(run: RunConfig, num_train: int, num_test: int, *, trains: bool) -> Work:
    """Forward passes of a run with these numbers of items."""
    training = 0
    if trains and run.optim is not None:
        steps = run.optim.num_steps(num_train)
        training = TRAINING_PASSES * steps * run.optim.batch_size
    return Work(training, num_test * run.evaluation.views * run.evaluation.crops)


def flops(run: RunConfig, passes: Work) -> float:
    """Operations of forward passes of single views."""
    size, test_size = run.data.size, run.data.test_size(run.evaluation)
    macs = run.model.macs(size, run.data.targets)
    test_macs = macs if test_size == size else run.model.macs(test_size, run.data.targets)
    return float(FLOPS_PER_MAC * (passes.training * macs + passes.test * test_macs))


def device_seconds(
    run: RunConfig,
    passes: Work,
    speed: Speed,
    num_devices: int = 1,
    reading: Reading | None = None,
    read_seconds: float | None = None,
) -> float:
    """Device time of forward passes: that of computing, of launching kernels or of reading, whichever is longest.

    Args:
        reading: measured speed of reading; None for an assumed one.
        read_seconds: assumed time of a core for an item; None for that of published data.
    """
    clips = passes.training / TRAINING_PASSES
    steps = clips / run.optim.batch_size if run.optim is not None else 0
    num_read = 0 if run.data.dataset.reads_stand_in else clips + passes.test / run.evaluation.crops
    computing = max(flops(run, passes) / speed.flops, steps * STEP_SECONDS * num_devices)
    if reading is None:
        return max(computing, num_read * (read_seconds or run.data.read_seconds) / CORES)
    read = num_read / reading.per_second
    return max(computing, read) if reading.workers else computing + read


def trained_per_second(run: RunConfig, speed: Speed) -> float:
    return speed.flops / flops(run, Work(TRAINING_PASSES, 0))


def assumed_speed(
    default: tuple[str, float], gpu: str | None = None, utilisation: float | None = None, tflops: float | None = None
) -> Speed:
    """Speed of a GPU by its name in `GPUS`, or by its peak, at an assumed utilisation of the peak.

    Args:
        default: GPU and utilisation where none are named, those of the scale.
    """
    usual_gpu, usual = default
    name = gpu or (usual_gpu if tflops is None else "GPU")
    peak = GPUS.get(name, (None,))[0] if tflops is None else tflops
    share = usual if utilisation is None else utilisation
    if peak is None:
        raise ValueError(f"--gpu '{name}': name its peak with --tflops; known are {', '.join(GPUS)}")
    if not 0 < share <= 1 or peak <= 0:
        raise ValueError(
            f"--utilisation {share:g} is a share of --tflops {peak:g}: both are above 0, and it is at most 1"
        )
    source = f"a guess: {100 * share:g} % of the {peak:g} TFLOP/s of one {name} (--gpu, --tflops, --utilisation)"
    spread = (share / LARGEST_UTILISATION, share / LEAST_UTILISATION) if utilisation is None else (1.0, 1.0)
    return Speed(share * peak * 1e12, False, source, spread)


def assumed_cpu_speed() -> Speed:
    source = f"a guess: {CPU_GFLOPS} GFLOP/s of one thread of a CPU, about that of the committed results"
    return Speed(CPU_GFLOPS * 1e9, False, source)


def step_speed(run: RunConfig, store: RunStore) -> Speed | None:
    """Speed of a run's own training step, measured on the hardware of this machine by `reproduce measure`."""
    for kind in ("memory", READING):
        found = store.measurement(run.train_id, kind)
        seconds = found.record.get("step_seconds") if found is not None else None
        if found is not None and isinstance(seconds, float) and found.record["hardware"] == device_name(hardware()):
            size = found.record["batch_size"]
            source = f"measured: its own training step of batch {size} on {found.record['hardware']}"
            return Speed(flops(run, Work(TRAINING_PASSES * size, 0)) / seconds, True, source)
    return None


def measured_reading(run: RunConfig, store: RunStore, root: Path | None, resources: "Resources") -> Reading | None:
    """Speed of reading the items of a run from a folder, measured on the cores of this machine, and its processes.

    They are as many as a test needs, whose views take the device a forward pass each.
    """
    found = store.measurement(run.train_id, READING)
    if root is None or found is None or found.record["root"] != str(root.resolve()):
        return None
    if (found.record["cores"], found.record["device_jitter"]) != (cores(), resources.device_jitter):
        return None
    of_one, speed = found.record["read_per_second"] / max(1, found.record["workers"]), step_speed(run, store)
    needed = None if speed is None else math.ceil(TRAINING_PASSES * trained_per_second(run, speed) / of_one)
    workers = resources.num_workers(run.data, needed)
    return Reading(of_one * max(1, workers), workers)


def measured_speed(trained: Iterable[tuple[RunConfig, int]], store: RunStore) -> Speed | None:
    """Speed of finished trainings, given with their forward passes, made here or published; None without any.

    Trainings on the hardware of this machine are preferred, then those on the hardware with the most of them.
    """
    by_hardware: dict[str, list[tuple[float, float]]] = {}  # operations and seconds of each training
    for run, passes in {run.train_id: (run, passes) for run, passes in trained}.values():
        found = store.test(run) if passes else None
        operations = flops(run, Work(passes, 0))  # none of a model without products of matrices
        if operations and found is not None and (hours := found.record.device_hours):
            devices = {device_name(session.hardware) for session in found.record.trained_by}
            if len(devices) > 1:
                continue  # the hours of each are not known
            by_hardware.setdefault(devices.pop(), []).append((operations, 3600 * hours))
    if not by_hardware:
        return None
    here = device_name(hardware())
    device = max(by_hardware, key=lambda name: (name == here, len(by_hardware[name])))
    operations, seconds = (sum(column) for column in zip(*by_hardware[device], strict=True))
    trainings = number_of(len(by_hardware[device]), "trainings")
    kind = "measured" if device == here else "a guess"
    return Speed(operations / seconds, device == here, f"{kind}: the speed of {trainings} on {device}")


def device_name(name: str) -> str:
    """Hardware without the number of its GPUs."""
    return re.sub(r"^\d+ x ", "", name)
