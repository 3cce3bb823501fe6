"""Device time of the remaining work: from the speed of measured runs, or from an assumed utilisation of a GPU."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from experiments.runner.provenance import hardware, sessions
from experiments.runner.store import RunStore
from experiments.spec.run import RunConfig

TRAINING_PASSES = 3  # a backward pass costs about two forward passes
FLOPS_PER_MAC = 2
# Dense float16 peak of the tensor cores in TFLOP/s, by the data sheets of the SXM versions.
PEAK_TFLOPS = {"V100": 125, "A100": 312, "H100": 989, "H200": 989}
DEFAULT_GPU, DEFAULT_UTILISATION = "A100", 0.35
CPU_GFLOPS = 20  # about the median of the trainings behind the committed results at scale tiny, of one thread each


class Work(NamedTuple):
    """Forward passes of single views of a run: those of its training, backward passes included, and of its test."""

    training: int
    test: int


class Speed(NamedTuple):
    """Sustained speed of a device.

    `flops`: operations per second, a multiply-add counted as two.
    `is_measured`: whether it was measured; else it is assumed.
    `source`: where it comes from, in words.
    """

    flops: float
    is_measured: bool
    source: str


def work(run: RunConfig, num_train: int, num_test: int, *, trains: bool) -> Work:
    """Forward passes of a run with these numbers of items."""
    training = 0
    if trains and run.optim is not None:
        steps = run.optim.num_steps(num_train // run.optim.batch_size)
        training = TRAINING_PASSES * steps * run.optim.batch_size
    return Work(training, num_test * run.evaluation.views * run.evaluation.crops)


def flops(run: RunConfig, passes: Work) -> float:
    """Operations of forward passes of single views."""
    size, test_size = run.data.size, run.data.test_size(run.evaluation)
    macs = run.model.macs(size, run.data.targets)
    test_macs = macs if test_size == size else run.model.macs(test_size, run.data.targets)
    return float(FLOPS_PER_MAC * (passes.training * macs + passes.test * test_macs))


def assumed_speed(gpu: str | None = None, utilisation: float | None = None) -> Speed:
    """Speed of a GPU by its name in `PEAK_TFLOPS` at an assumed utilisation of its peak.

    Raises:
        ValueError: for an unknown GPU, or a utilisation that is no share.
    """
    gpu, utilisation = gpu or DEFAULT_GPU, DEFAULT_UTILISATION if utilisation is None else utilisation
    if gpu not in PEAK_TFLOPS:
        raise ValueError(f"--gpu '{gpu}': its peak is unknown; known are {', '.join(PEAK_TFLOPS)}")
    if not 0 < utilisation <= 1:
        raise ValueError(f"--utilisation {utilisation:g}: it is a share of the peak, above 0 and at most 1")
    source = f"assuming {100 * utilisation:g} % of the {PEAK_TFLOPS[gpu]} TFLOP/s of one {gpu} (--gpu, --utilisation)"
    return Speed(utilisation * PEAK_TFLOPS[gpu] * 1e12, False, source)


def assumed_cpu_speed() -> Speed:
    """Speed of a small model on a CPU."""
    source = f"assuming {CPU_GFLOPS} GFLOP/s of one thread of a CPU, about that of the committed results"
    return Speed(CPU_GFLOPS * 1e9, False, source)


class Trained(NamedTuple):
    """A run, and the forward passes of its training."""

    run: RunConfig
    passes: int


def measured_speed(trained: Iterable[Trained], store: RunStore) -> Speed | None:
    """Speed in finished trainings, made here or published; else in measurements of throughput. None without both.

    Measurements on the hardware of this machine are preferred, then those on the hardware with the most of them.
    """
    runs = list({item.run.train_id: item for item in trained}.values())
    for kind, measured in (("trainings", _training), ("measurements of throughput", _inference)):
        by_hardware: dict[str, list[tuple[float, float]]] = {}
        for item in runs:
            if (found := measured(item, store)) is not None:
                by_hardware.setdefault(found.hardware, []).append((found.flops, found.seconds))
        if by_hardware:
            here = _device(hardware())
            device = max(by_hardware, key=lambda name: (name == here, len(by_hardware[name])))
            pairs = by_hardware[device]
            done, seconds = (sum(column) for column in zip(*pairs, strict=True))
            return Speed(done / seconds, True, f"measured: the speed of {len(pairs)} {kind} on {device}")
    return None


class _Measured(NamedTuple):
    """Operations, and the device time that they took."""

    hardware: str
    flops: float
    seconds: float


def _training(item: Trained, store: RunStore) -> _Measured | None:
    """Training of a run."""
    metrics = store.metrics(item.run) or {}
    hours = metrics.get("device_hours")
    if not hours or not item.passes:
        return None
    return _Measured(_device(sessions(metrics)[0]["hardware"]), flops(item.run, Work(item.passes, 0)), 3600 * hours)


def _inference(item: Trained, store: RunStore) -> _Measured | None:
    """Measurement of the throughput of a run by `reproduce measure`."""
    record = store.measurement(item.run.train_id, "throughput") or {}
    rate = record.get("items_per_second")
    return _Measured(_device(record["hardware"]), flops(item.run, Work(1, 0)) * rate, 1.0) if rate else None


def _device(name: str) -> str:
    """Hardware without the number of its GPUs."""
    return re.sub(r"^\d+ x ", "", name)
