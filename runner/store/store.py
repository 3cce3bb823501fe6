"""Store of all runs on disk, and of the published results in the repository."""

from functools import partial
from pathlib import Path
from typing import Protocol

from experiments.spec.run import RunConfig
from runner.machine.files import replacing, write_atomically
from runner.store.acceptance import accepted_measurement, is_refused
from runner.store.run_directory import RunDirectory


class PathIn(Protocol):
    """Path of a file in the directory of a run, for its own weights or released ones."""

    def __call__(self, directory: RunDirectory, /, *, released: bool) -> Path: ...


class RunStore:
    """All runs under a root directory, and published results.

    Args:
        root: directory of the runs.
        results: directory of published results, which are read if the root has none. Only the `publish` methods write
            to it.
        compare_scores: whether results made here are compared with their saved scores before they are taken.
    """

    def __init__(self, root: Path, results: Path | None = None, *, compare_scores: bool = False) -> None:
        self.root = root
        self.results = results
        self.compare_scores = compare_scores

    def run(self, train_id: str) -> RunDirectory:
        return RunDirectory(self.root / train_id, compare_scores=self.compare_scores)

    def directories(self, train_id: str) -> list[RunDirectory]:
        """Directories of a run's results in order of precedence: those made here, then published ones."""
        published = [] if self.results is None else [RunDirectory(self.results / train_id)]
        return [self.run(train_id), *published]

    def decoded_files(self, dataset: str) -> tuple[Path, Path]:
        """List of decoded items of a data set, and that of earlier versions, which has the bad ones alone."""
        return self.root / "decoded" / f"{dataset}.txt", self.root / "bad_files" / f"{dataset}.txt"

    def metrics(self, run: RunConfig) -> dict | None:
        """Metrics of a finished test: made here, or published. In both, trained weights precede released ones.

        Files that are no result of this test are ignored, see `acceptance`.
        """
        for directory in self.directories(run.train_id):
            for released in (False, True):
                if (metrics := directory.result(run, released=released)) is not None:
                    return metrics
        return None

    def measurement(self, train_id: str, kind: str) -> dict | None:
        """Measurement of a run: made here, or published; None if there is none."""
        paths = (directory.measurement(kind) for directory in self.directories(train_id))
        records = (accepted_measurement(path, train_id) for path in paths)
        return next((record for record in records if record is not None), None)

    def publish_measurement(self, train_id: str, kind: str) -> None:
        """Copy an accepted measurement made here to the published results, with the config of its run."""
        source = self.run(train_id)
        if self.results is not None and accepted_measurement(source.measurement(kind), train_id) is not None:
            for file in (source.config, source.measurement(kind)):
                if file.exists():
                    write_atomically(self.results / train_id / file.relative_to(source.path), file.read_text())

    def attention_maps(self, train_id: str, maps_id: str) -> Path | None:
        """File of attention maps: made here, or published. In both, trained weights precede released ones."""
        return self._first(train_id, partial(RunDirectory.attention_maps, maps_id=maps_id))

    def mask_strip(self, train_id: str, strip_id: str) -> Path | None:
        """File of the masks of a sequence, as `attention_maps`."""
        return self._first(train_id, partial(RunDirectory.mask_strip, strip_id=strip_id))

    def _first(self, train_id: str, path_in: PathIn) -> Path | None:
        directories = self.directories(train_id)
        paths = (path_in(directory, released=released) for directory in directories for released in (False, True))
        return next((path for path in paths if path.exists()), None)

    def publish_attention_maps(self, train_id: str, maps_id: str) -> None:
        """Copy the attention maps of a query made here to the published results.

        Raises:
            StoreError: if they cannot be written.
        """
        self._publish(train_id, partial(RunDirectory.attention_maps, maps_id=maps_id))

    def publish_mask_strip(self, train_id: str, strip_id: str) -> None:
        """Copy the masks of a sequence made here to the published results.

        Raises:
            StoreError: if they cannot be written.
        """
        self._publish(train_id, partial(RunDirectory.mask_strip, strip_id=strip_id))

    def _publish(self, train_id: str, path_in: PathIn) -> None:
        for released in (False, True):
            source = path_in(self.run(train_id), released=released)
            if self.results is not None and source.exists():
                with replacing(path_in(RunDirectory(self.results / train_id), released=released)) as partial_file:
                    partial_file.write_bytes(source.read_bytes())

    def publish(self, train_id: str, eval_id: str) -> None:
        """Copy the config, provenance and accepted metrics of a run made here to the published results.

        Raises:
            StoreError: if they cannot be written.
        """
        if self.results is None:
            return
        source, target = self.run(train_id), RunDirectory(self.results / train_id)
        files = (source.metrics(eval_id, released=released) for released in (False, True))
        results = [file for file in files if file.exists() and not is_refused(file)]
        for file in (source.config, source.provenance, *results):
            if results and file.exists():
                write_atomically(target.path / file.relative_to(source.path), file.read_text())

    def check_writable(self) -> None:
        """Check that runs can be written.

        Raises:
            StoreError: with the directory and the remedy.
        """
        write_atomically(self.root / ".writable", "")
        (self.root / ".writable").unlink(missing_ok=True)
