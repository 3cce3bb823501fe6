"""Throughput of several runs, measured in turns: one batch of each in every round, so that other load affects all.

Clips are random and lie on the device. One view is measured; a video takes as many times as long as it has views.
"""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import torch
from torch import nn

from data.errors import number_of
from experiments.spec.metrics import TOO_LARGE
from experiments.spec.run import RunConfig
from runner.measure.memory import NotMeasurableError
from runner.measure.training_step import is_out_of_memory
from runner.store.provenance import cores, provenance

LARGE_LOAD = 0.5  # processes that other programs run at the start, averaged over a minute
DTYPES = {"32-true": torch.float32, "bf16-true": torch.bfloat16}
LARGEST_BATCH = {"cuda": 32, "cpu": 1}
ROUNDS = {"cuda": 20, "cpu": 5}  # claims on times need five repeats


class Participant(NamedTuple):
    name: str
    run: RunConfig
    model: nn.Module
    batch_size: int


class Turns:
    """Measurement of the throughput of inference of several runs.

    Args:
        precision: precision of weights and inputs, of `DTYPES`. Float32 is without TF32.
        batch_size: largest batch size, which is halved until a batch fits.
        say: called with lines of progress, and with the name of each run that does not fit.
    """

    def __init__(
        self, precision: str, *, batch_size: int | None, rounds: int | None, say: Callable[[str], object]
    ) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if precision == "bf16-true" and self.device.type == "cpu":
            raise NotMeasurableError(
                "bfloat16 is measured on a CUDA device and there is none; few CPUs compute in it, and reports show –"
            )
        self.precision = precision
        self.batch_size = batch_size or LARGEST_BATCH[self.device.type]
        self.rounds = rounds or ROUNDS[self.device.type]
        self.say = say

    def records(self, runs: Mapping[str, RunConfig]) -> dict[str, dict[str, object]]:
        """Record of each run by its name, after all rounds of those that fit."""
        name = torch.cuda.get_device_name() if self.device.type == "cuda" else cores()
        self.say(f"{len(runs)} rows in turns, {number_of(self.rounds, 'rounds')} in {self.precision} on {name}")
        if (load := os.getloadavg()[0]) > LARGE_LOAD:
            self.say(f"other programs use this machine (load {load:.1f}): speeds are lower than on an idle one")
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
            models = {key: self.built(run) for key, run in runs.items()}
            fitted = {key: self.fitted(key, run, models[key]) for key, run in runs.items()}
            seconds = self.seconds_per_item([one for one in fitted.values() if one is not None])
        conditions = {
            "precision": self.precision,
            "session": datetime.now(UTC).isoformat(timespec="seconds"),
            "rounds": self.rounds,
            **provenance(),
            "hardware": name,
        }
        return {
            key: {TOO_LARGE: True, "batch_size": 1, **conditions}
            if one is None
            else {
                "items_per_second": 1 / statistics.median(seconds[one.run.train_id]),
                "batch_size": one.batch_size,
                "seconds_per_item": seconds,
                **conditions,
            }
            for key, one in fitted.items()
        }

    def built(self, run: RunConfig) -> nn.Module:
        """Model of a run with random weights, for inference on the device."""
        model = run.model.build(run.data.size, run.data.targets)
        return model.eval().to(self.device, DTYPES[self.precision])

    def fitted(self, name: str, run: RunConfig, model: nn.Module) -> Participant | None:
        """Participant with the largest batch size that fits; None if no batch fits. The pass is the model's warm-up."""
        batch_size = self.batch_size
        while batch_size >= 1:
            seconds = self.seconds(model, run, batch_size)
            if seconds is not None:
                self.say(f"{name}: warm-up with batch {batch_size}, {seconds:.1f} s")
                return Participant(name, run, model, batch_size)
            batch_size //= 2
        self.say(f"{name}: batch 1 does not fit into the memory of this device")
        return None

    def seconds_per_item(self, participants: list[Participant]) -> dict[str, list[float]]:
        """Seconds of an item of each participant in each round, by the id of its run."""
        seconds: dict[str, list[float]] = {participant.run.train_id: [] for participant in participants}
        started = time.perf_counter()
        for done in range(1, self.rounds + 1):
            for name, run, model, batch_size in participants:
                if self.device.type == "cuda":  # allocates memory, and selects algorithms for the size of the batch
                    self.seconds(model, run, batch_size)
                batch = self.seconds(model, run, batch_size)
                if batch is None:
                    raise NotMeasurableError(f"{name}: batch {batch_size} no longer fits; use a smaller --batch")
                seconds[run.train_id].append(batch / batch_size)
            left = (time.perf_counter() - started) / done * (self.rounds - done)
            self.say(f"round {done} of {self.rounds}" + (f", about {left / 60:.1f} min left" if left else ""))
        return seconds

    def seconds(self, model: nn.Module, run: RunConfig, batch_size: int) -> float | None:
        """Seconds of a forward pass; None if it does not fit into the memory."""
        try:
            inputs = [t.to(DTYPES[self.precision]) for t in run.data.size.example(batch_size, self.device)]
            self.wait()
            started = time.perf_counter()
            model(*inputs)
            self.wait()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        else:
            return time.perf_counter() - started
        torch.cuda.empty_cache()  # here: the error references the tensors of the pass
        return None

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
