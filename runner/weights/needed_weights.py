"""Findings on the weights that runs need: initial ones for trainings, trained or released ones for tests."""

from collections.abc import Iterable, Iterator

from data.inspection.findings import Finding
from models.imagenet import InitialWeights, MissingWeightsError, weights_folder
from models.model import ModelConfig
from runner.machine.messages import one_line
from runner.store.jobs import Job
from runner.store.store import RunStore

SUBJECT = "weights"


def find_initial_weights(models: Iterable[ModelConfig]) -> None:
    """Download the initial weights of models that are not here."""
    folder = weights_folder()
    for source in sources_of(models):
        source.find(folder)


def sources_of(models: Iterable[ModelConfig]) -> Iterable[InitialWeights]:
    return dict.fromkeys(source for model in models for source in model.initial_weights)


def initial_findings(models: Iterable[ModelConfig]) -> Iterator[Finding]:
    """Whether the initial weights of models are at hand, or can be downloaded."""
    folder = weights_folder()
    for source in sources_of(models):
        try:
            path = source.local(folder)
            place = f"in {path}" if path is not None else f"downloaded to {source.find(folder)}"
            yield Finding("ok", SUBJECT, f"initial weights {place}")
        except (MissingWeightsError, ValueError) as error:
            what, _, remedy = one_line(error).removeprefix(f"{SUBJECT}: ").partition(": ")
            yield Finding("error", SUBJECT, what, remedy)


def tested_findings(jobs: Iterable[Job], store: RunStore) -> Iterator[Finding]:
    """Findings on the weights of runs that are only tested."""
    from runner.weights.released import released_remedies  # these are not for the runs that are trained
    from runner.weights.weights import weights_of

    for job in jobs:
        weights = weights_of(job.run, store)
        if weights is None:
            remedies = ["train it with `reproduce run`", *released_remedies(job.run, job.row)]
            yield Finding("error", SUBJECT, f"{job.name} has no weights to test", "; or ".join(remedies))
        else:
            yield Finding("ok", SUBJECT, f"{job.name}: {weights.path or 'those of its parents'}")
