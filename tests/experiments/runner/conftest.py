"""Fixtures for runs of the paper of points, and for a run that predicts a verb and a noun."""

import pytest

from data.datasets.epic100 import Epic100
from data.synthetic.epic100 import Epic100StandIn
from experiments.motionformer.base import EPIC100
from experiments.motionformer.tiny import TINY as RECIPE
from experiments.runner.store import RunStore
from experiments.spec.edits import apply, data, model, optim
from experiments.spec.run import RunConfig
from experiments.spec.scales import TINY
from tests.experiments.runner.points import RunHarness

VERBS_AND_NOUNS = Epic100StandIn(num_train=16, num_val=12)


@pytest.fixture
def harness(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> RunHarness:
    """Harness that trains and tests runs in this process, in a store in tmp_path."""
    return RunHarness(store, monkeypatch)


@pytest.fixture
def verb_noun_run(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    """Run of a model of two blocks on a few generated segments with eight verbs and eight nouns."""
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path_factory.getbasetemp() / "stand-ins"))
    videos = VERBS_AND_NOUNS
    dataset = Epic100.Config(num_verbs=videos.num_verbs, num_nouns=videos.num_nouns, stand_in=videos)
    edits = (*data(dataset=dataset), *optim(epochs=1, batch_size=8), *model(depth=2, width=16, heads=2))
    return apply(TINY.of(EPIC100, RECIPE), edits)
