"""The made-up paper of points, and a workshop that trains its runs."""

import pytest

from experiments.runner.store import RunStore
from tests.experiments.runner.points import Workshop


@pytest.fixture
def workshop(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """Trains and tests runs in this process, below tmp_path."""
    return Workshop(store, monkeypatch)
