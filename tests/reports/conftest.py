"""Fixtures: a small table with every feature of a report, and made-up results."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from experiments.motionformer.base import K400, SSV2
from experiments.spec.catalog import find, load
from experiments.spec.edits import Edit, model, optim
from experiments.spec.figure_runs import selected_runs
from experiments.spec.metrics import GFLOPS, TOP1, Difference
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER, TINY, PaperNote, Scale
from experiments.spec.table import Bold, Column, Table, quoted, row
from models.mixers.joint import JointAttention
from reports.collect import collect
from reports.pages.report import Report
from runner.machine.files import write_atomically
from runner.store.kept_pictures import file_of
from runner.store.picture_files import AttentionMaps, write_pictures
from runner.store.records import sealed
from runner.store.store import RunStore
from tests.reports.saved_reports import markdown
from tests.runner.stored_metrics import write_result


@pytest.fixture
def table() -> Table:
    joint = model(attention=JointAttention.Config())
    return Table(
        name="paper/table1",
        caption="Every feature at once",
        source="arXiv:0000.00000, Table 1",
        labels=("Attention", "Kind", "Att_T"),
        columns=(
            Column(key="gflops", header=("", "GFLOPs"), metric=GFLOPS, base=K400),
            Column(key="k400", header=("Top-1", "K-400"), metric=TOP1, base=K400, best="max"),
            Column(key="ssv2", header=("Top-1", "SSv2"), metric=TOP1, base=SSV2, best="max"),
            Column(key="delta", header="Δ", metric=Difference("delta", ("k400", "ssv2")), best="min"),
        ),
        rows=(
            quoted("other", ("Other [8] | x", "Large", None), paper=(100.0, 99.0, 98.0, 1.0)),
            row("joint", ("Joint", "Small", None), joint, paper=(180.6, 79.2, 64.0, 15.2)),
            row("short", (Bold("Ours"), "Small", False), optim(epochs=5), paper=(369.5, 70.0, 60.0, 10.0)),
            row("ours", (Bold("Ours"), "Small", True), paper=(369.5, 79.7, 66.5, 13.2)),
        ),
        notes=("A note.",),
    )


@pytest.fixture
def small() -> Scale:
    """Scale whose results are compared with print, named as the one with committed reports."""
    return replace(PAPER, name="tiny", edits=(Edit("optim.batch_size", 8),))


@pytest.fixture
def toy(small: Scale) -> Scale:
    """Scale whose results are not compared with print."""
    return replace(small, comparable=False, gpu=None, without=PaperNote)


@dataclass(frozen=True)
class Trial:
    """A table at a scale, with results in a store."""

    table: Table
    scale: Scale
    store: RunStore

    def of(self, table: Table, scale: Scale | None = None) -> "Trial":
        """Another table, by default at the same scale, with results in the same store."""
        return replace(self, table=table, scale=scale or self.scale)

    def elsewhere(self, root: Path) -> "Trial":
        """The same table in another store with the same published results."""
        return replace(self, store=RunStore(root, results=self.store.results))

    def of_columns(self, *columns: Column, base: RunConfig | None = None, scale: Scale | None = None) -> "Trial":
        """A table with the given columns and one row, `ours`."""
        rows = (row("ours", ("Ours", "Small", True), base=base, paper=()),)
        return self.of(replace(self.table, columns=columns, rows=rows), scale)

    def run(self, cell: str, seed: int = 0) -> RunConfig:
        """Run of a cell, given as row.column."""
        return self.table.run_of(cell, self.scale, (), seed)

    def finish(self, cell: str | RunConfig, /, *top1: float, **facts: object) -> None:
        """Write the metrics of a finished test: top-1, of a cell one for each seed, and top-5; or others."""
        for seed, value in enumerate(top1 or [None]):
            run = self.run(cell, seed) if isinstance(cell, str) else cell
            for file in self.store.run(run.train_id).path.glob(f"metrics/{run.eval_id}.*"):
                file.unlink()  # trained weights precede released ones
            values = {} if value is None else {"top1": value, "top5": 99.0}
            write_result(self.store, run, **{**values, **facts})

    def measure(self, run: RunConfig, kind: str, **values: object) -> None:
        """Write a measurement of `reproduce measure` for a run."""
        record = {"train_id": run.train_id, "batch_size": 6, "precision": "16-mixed", "hardware": "a GPU"}
        record |= {"commit": "abc", "versions": {"torch": "2.14.1"}, **values}
        write_atomically(self.store.run(run.train_id).measurement(kind), json.dumps(sealed(record)))

    def report(self, **options: object) -> Report:
        return collect(self.table, self.scale, self.store, **options)  # type: ignore[arg-type]

    def page(self, **options: object) -> str:
        return markdown(self.report(**options))


@pytest.fixture
def trial(table: Table, small: Scale, store: RunStore) -> Trial:
    return Trial(table, small, store)


@pytest.fixture
def empty3(trial: Trial) -> Trial:
    """Figure 3 at the scale `tiny`, without results."""
    return trial.of(load("motionformer/figure3"), TINY)


@pytest.fixture
def figure3(empty3: Trial) -> Trial:
    """Figure 3 with results of all tests."""
    for index, column in enumerate(empty3.table.columns):
        for row_key, lead in (("joint", -2.0), ("divided", -3.0), ("trajectory", 0.0)):
            empty3.finish(f"{row_key}.{column.key}", 60.0 + index * (1 + lead / 10) + lead)
    return empty3


@pytest.fixture
def make_maps() -> Callable[..., AttentionMaps]:
    """Random attention maps, with two frames of 32 x 32 pixels per token frame of 4 x 4 patches."""

    def make(*, seed: int = 0, tokens: int = 4, frame: int = 0, head: int | None = None,
             weights: str = "trained") -> AttentionMaps:  # fmt: skip
        rng = np.random.default_rng(seed)
        attention = rng.uniform(size=(tokens, 4, 4)).astype(np.float32)
        record = {
            "train_id": "0123456789ab",
            "weights": weights,
            "video": "val/rolling hoops/abc.mp4",
            "class": "rolling hoops",
            "view": "2 of 2, centre crop",
            "query": {"video": 3, "frame": frame, "x": 0.6, "y": 0.3, "block": None, "head": head},
            "patch": [frame, 1, 2],
            "block": 1,
            "num_blocks": 3,
            "head": head,
            "num_heads": 4,
            "seed": 0,
            "data": {"name": "kinetics400", "fingerprint": "0123", "stand_in": True},
            "commit": "0123456789",
            "hardware": "2 cores of a CPU",
        }
        frames = rng.integers(256, size=(2 * tokens, 32, 32, 3)).astype(np.uint8)
        return AttentionMaps(frames, attention / attention.sum((1, 2), keepdims=True), record)

    return make


@pytest.fixture
def keep_maps(trial: Trial, make_maps: Callable[..., AttentionMaps]) -> Callable[..., Path]:
    """Writes the result and the attention maps of a row of figure 4. Returns the path of the maps."""

    def keep(row: str, scale: Scale, **how: object) -> Path:
        [shown] = selected_runs(find([f"motionformer/figure4:{row}"]), scale, (), (0,))
        trial.finish(shown.run, 70.0)
        file = file_of(shown, trial.store.run(shown.run.train_id))
        write_pictures(file, make_maps(**how))
        return file

    return keep
