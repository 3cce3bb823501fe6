"""What the process of a run is asked to do. The launcher writes it to a file; the process resolves no name again."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from experiments.spec.paper_folders import paper_folders
from experiments.spec.run import RunConfig
from interface.plain_data import decoded, encoded
from runner.machine.files import json_object, write_atomically
from runner.machine.resources import Resources

ProfilerName = Literal["simple", "advanced", "pytorch"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A run to train and test, and the resources for it."""

    run: RunConfig
    resources: Resources = field(default_factory=Resources)
    runs: Path = Path("runs")
    """Directory of the runs."""
    folder: str = ""
    """Name of the folder of the run in it; if empty, the folder is found by the id of the run."""
    eval_only: bool = False
    """Existing weights are tested, and nothing is trained."""
    fast_dev_run: bool = False
    """A batch of training, of validation and of test, to find errors; there is no result."""
    profiler: ProfilerName | None = None
    """Lightning's profiler, whose files are in the folder of the run."""

    def save(self, path: Path) -> None:
        write_atomically(path, json.dumps(encoded(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        paper_folders()  # those outside of this repository become importable
        content = json_object(path)
        try:
            request = decoded(content, from_anywhere=True)
        except ValueError as error:
            raise ValueError(f"cannot read {path}: {error}; `reproduce run` writes it again") from None
        if not isinstance(request, cls):
            raise ValueError(f"cannot read {path}: it holds no request of a run")
        return request
