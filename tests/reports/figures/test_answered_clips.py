"""Clips with the answers of each row, in the report of the figure that they are."""

from pathlib import Path

import numpy as np
import pytest

from experiments.spec.catalog import load
from experiments.spec.figure_runs import answered_runs
from experiments.spec.scales import TINY
from reports.collect import collect
from reports.figures import figures
from reports.figures.answered_clips import AnsweredClipDrawer
from reports.figures.test_pictures import CORRECT, WRONG
from reports.pages.render import markdown
from runner.inference.answers import AnsweredClip, NamedAnswer, held_clips, read_answered, write_answered
from runner.machine.files import StoreError
from runner.store.run_directory import RunDirectory
from runner.store.store import RunStore
from tests.runner.stored_metrics import write_result

FIGURE6, FIGURE15 = load("cast/figure6"), load("cast/figure15")
RUNS = dict(answered_runs(FIGURE6.figure, FIGURE6.cells(TINY)))


def made(*, verb: bool) -> tuple[AnsweredClip, ...]:
    """Eight clips, of which all nouns are wrong."""
    rng = np.random.default_rng(0)
    answers = (
        NamedAnswer("verb", "open", (("open" if verb else "close", 0.6), ("cut", 0.1)), verb),
        NamedAnswer("noun", "box", (("plate", 0.5),), False),
    )
    frames = rng.integers(256, size=(8, 4, 6, 6, 3)).astype(np.uint8)
    return tuple(AnsweredClip(f"P01_{place}", clip, answers) for place, clip in enumerate(frames))


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """Published results of CLIP and CAST alone."""
    store = RunStore(tmp_path / "runs", results=tmp_path / "results")
    assert store.results is not None
    for row in ("clip", "cast"):
        run = RUNS[row]
        write_result(RunStore(store.results), run, 50.0)
        write_answered(RunDirectory(store.results / run.train_id).answered_clips(run.eval_id), made(verb=row == "cast"))
    return store


def test_the_figures_show_the_experts_and_cast_and_other_clips_each(store: RunStore) -> None:
    assert list(RUNS) == ["clip", "videomae", "cast"]
    shown = []
    for table in (FIGURE6, FIGURE15):
        drawer = figures.drawer(collect(table, TINY, store))
        assert isinstance(drawer, AnsweredClipDrawer)
        shown.append([clip.id for clip in drawer.clips["CAST"]])
    assert shown == [[f"P01_{place}" for place in range(4)], [f"P01_{place}" for place in range(4, 8)]]


def test_right_answers_are_green_and_bold_and_wrong_ones_red(store: RunStore) -> None:
    report = collect(FIGURE6, TINY, store)
    drawer = figures.drawer(report)
    assert drawer is not None
    colours = {text.get_text(): text.get_color() for text in drawer.draw(None).axes[0].texts}
    nbsp = "\u00a0"
    assert colours[f"open 60{nbsp}%"] == CORRECT and colours[f"close 60{nbsp}%"] == colours[f"plate 50{nbsp}%"] == WRONG
    line = [part.strip() for part in drawer.text().splitlines()[2].split("|")]
    assert line[1:5] == ["P01_0", "open", f"close 60{nbsp}%", f"**open 60{nbsp}%**"]
    assert drawer.text() in markdown(report)


def test_clips_are_read_as_written_and_damaged_files_are_refused(store: RunStore) -> None:
    assert store.results is not None
    run = RUNS["cast"]
    path = RunDirectory(store.results / run.train_id).answered_clips(run.eval_id)
    for one, other in zip(read_answered(path), made(verb=True), strict=True):
        assert (one.id, one.answers) == (other.id, other.answers) and np.array_equal(one.frames, other.frames)
    path.write_bytes(b"no archive")
    with pytest.raises(StoreError, match="holds no clips with answers"):
        held_clips(run, RunStore(store.results))
