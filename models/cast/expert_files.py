"""Files of pretrained experts that their authors publish outside of timm."""

from dataclasses import dataclass
from pathlib import Path

from models.imagenet import InitialWeights, MissingWeightsError


class ExpertFile:
    """File of an expert's weights."""

    @dataclass(frozen=True, kw_only=True)
    class Config(InitialWeights):
        """Settings.

        `name`: name of the file, in the directory of downloaded weights.
        `source`: page that links to it.
        """

        name: str
        source: str

        def find(self, folder: Path) -> Path:
            """Path of the file.

            Raises:
                MissingWeightsError: with the page that links to it and the path to save it at.
            """
            path = folder / self.name
            if not path.exists():
                raise MissingWeightsError(f"weights: no {self.name} here: get it from {self.source}, save it as {path}")
            return path
