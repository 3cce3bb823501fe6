"""Fixtures for runs of the paper of points."""

import pytest

from experiments.runner.store import RunStore
from tests.experiments.runner.points import RunHarness


@pytest.fixture
def harness(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> RunHarness:
    """Harness that trains and tests runs in this process, in a store in tmp_path."""
    return RunHarness(store, monkeypatch)
