"""All runs on disk, and the published results that are committed."""

from pathlib import Path

from experiments.runner.files import StoreError, read_json, read_record, replacing, write_atomically
from experiments.runner.run_directory import RunDirectory, is_result

MEASUREMENT = ("batch_size", "precision", "hardware", "versions", "commit")  # in every measurement


class RunStore:
    """All runs under one root, and the results that are committed beside the reports.

    Args:
        root: where runs are made.
        results: a read-only place of published results, looked at where the root has none.
    """

    def __init__(self, root: Path, results: Path | None = None) -> None:
        self.root = root
        self.results = results

    def run(self, train_id: str) -> RunDirectory:
        """The directory of a run, whether it exists or not."""
        return RunDirectory(self.root / train_id)

    def places(self, train_id: str) -> list[RunDirectory]:
        """Where results of a run may lie: where it was made, then where they are published."""
        published = [] if self.results is None else [RunDirectory(self.results / train_id)]
        return [self.run(train_id), *published]

    def metrics(self, train_id: str, eval_id: str) -> dict | None:
        """The metrics of a finished test: made here, or published; in each place those of released weights come last.

        Raises:
            StoreError: when a file holds something else.
        """
        for place in self.places(train_id):
            for released in (False, True):
                path = place.metrics(eval_id, released=released)
                metrics = read_json(path)
                if metrics is None:
                    continue
                if not is_result(metrics, train_id):
                    raise StoreError(f"{path} holds no result of this test; move it away to have it made again")
                return metrics
        return None

    def measurement(self, train_id: str, kind: str) -> dict | None:
        """A measurement of a run: made here, or published; None where there is none."""
        records = (read_record(place.measurement(kind), MEASUREMENT) for place in self.places(train_id))
        return next((record for record in records if record is not None), None)

    def publish_measurement(self, train_id: str, kind: str) -> None:
        """Copy a measurement made here to the published results."""
        source = self.run(train_id).measurement(kind)
        if self.results is not None and source.exists():
            write_atomically(RunDirectory(self.results / train_id).measurement(kind), source.read_text())

    def attention_maps(self, train_id: str, maps_id: str) -> Path | None:
        """The attention maps of a query: made here, or published; in each those of released weights come last."""
        places = self.places(train_id)
        paths = (place.attention_maps(maps_id, released=released) for place in places for released in (False, True))
        return next((path for path in paths if path.exists()), None)

    def publish_attention_maps(self, train_id: str, maps_id: str) -> None:
        """Copy the attention maps of a query made here to the published results.

        Raises:
            StoreError: when they cannot be written.
        """
        for released in (False, True):
            source = self.run(train_id).attention_maps(maps_id, released=released)
            if self.results is not None and source.exists():
                target = RunDirectory(self.results / train_id).attention_maps(maps_id, released=released)
                with replacing(target) as partial:
                    partial.write_bytes(source.read_bytes())

    def publish(self, train_id: str, eval_id: str) -> None:
        """Copy the small result files of a run made here to the published results.

        Raises:
            StoreError: when they cannot be written.
        """
        if self.results is None:
            return
        source, target = self.run(train_id), RunDirectory(self.results / train_id)
        results = [file for released in (False, True) if (file := source.metrics(eval_id, released=released)).exists()]
        for file in (source.config, source.provenance, *results):
            if results and file.exists():
                write_atomically(target.path / file.relative_to(source.path), file.read_text())

    def check_writable(self) -> None:
        """Raise before any work when runs could not be kept.

        Raises:
            StoreError: naming the place and the remedy.
        """
        write_atomically(self.root / ".writable", "")
        (self.root / ".writable").unlink(missing_ok=True)
