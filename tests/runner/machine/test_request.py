"""Request of a run: the file holds the whole run, of any table, and its resources."""

from pathlib import Path

import pytest

from experiments.spec.catalog import captions, load
from experiments.spec.names import own_data
from experiments.spec.scales import SCALES, TINY
from interface.plain_data import decoded, encoded
from runner.machine.request import Request
from runner.machine.resources import Resources


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_each_run_of_each_table_is_read_as_it_was_written(scale: object, tmp_path: Path) -> None:
    file, read = tmp_path / "request.json", set[object]()
    for table in map(load, captions()):
        for run in (run for cell in table.cells(scale) for run in cell.runs):  # type: ignore[arg-type]
            if run not in read:
                read.add(run)
                Request(run=run).save(file)
                found = Request.read(file).run
                assert (found, found.train_id, found.eval_id) == (run, run.train_id, run.eval_id)
                assert decoded(encoded(run)) == run
    assert len(read) > 100


def test_a_request_keeps_resources_paths_and_own_data(tmp_path: Path) -> None:
    (tmp_path / "videos" / "run").mkdir(parents=True)
    (tmp_path / "videos" / "walk").mkdir()
    own = load("motionformer/table4").run_of("joint.k400", TINY, [own_data(tmp_path / "videos")], 1)
    resources = Resources(data=(("a", Path("/a")),), devices=2, micro_batch=4, workers=0, recompute=True)
    request = Request(run=own, resources=resources, runs=tmp_path, eval_only=True)
    request.save(tmp_path / "request.json")
    found = Request.read(tmp_path / "request.json")
    assert found == request
    assert found.run.data.dataset.own_folder == own.data.dataset.own_folder == tmp_path / "videos"
