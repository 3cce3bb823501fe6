"""Findings on the initial weights of models."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from models.imagenet import InitialWeights, MissingWeightsError
from runner.weights.needed_weights import initial_findings
from tests.runner.experts import Pair


@dataclass(frozen=True, kw_only=True)
class File(InitialWeights):
    """A file that is not downloaded."""

    name: str

    def find(self, folder: Path) -> Path:
        path = folder / self.name
        if not path.exists():
            raise MissingWeightsError(f"weights: no {self.name} here: save it as {path}")
        return path


class TwoFiles(Pair):
    """Model with a file for each of two experts."""

    class Config(Pair.Config):
        @property
        def initial_weights(self) -> tuple[InitialWeights, ...]:
            return tuple(File(name=name) for name in self.files)


def test_each_file_of_several_models_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path))
    (tmp_path / "a").touch()
    models = [TwoFiles.Config(files=("a", "b")), Pair.Config(), TwoFiles.Config(files=("b", "a"))]
    found, missing = initial_findings(models)
    assert (found.severity, found.what) == ("ok", f"initial weights in {tmp_path / 'a'}")
    assert (missing.severity, missing.what, missing.remedy) == ("error", "no b here", f"save it as {tmp_path / 'b'}")
