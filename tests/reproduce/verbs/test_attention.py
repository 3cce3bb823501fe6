"""Command lines `reproduce attention`, and `reproduce run` with attention maps."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from experiments.motionformer import figure4
from experiments.spec.figures import AttentionQuery, AttentionStrips, RowQuery
from experiments.spec.run import RunConfig
from experiments.spec.scales import TINY
from experiments.spec.table import row
from models.cast.model import CAST
from runner.store.store import RunStore
from tests.conftest import Reproduce
from tests.runner.stored_metrics import write_result

KeepWeights = Callable[..., None]
ROW = "motionformer/figure4:k400"
SMALL = ["data.dataset.stand_in.num_train=10", "data.dataset.stand_in.num_val=10", "model.width=32"]
OVERRIDES = [word for override in SMALL for word in ("-o", override)]
QUERY = AttentionQuery(video=3, x=0.6, y=0.3)


def strips(query: AttentionQuery) -> AttentionStrips:
    return AttentionStrips(column="top1", queries=(RowQuery(row="k400", real=query, stand_in=query),))


@pytest.fixture
def small(reproduce: Reproduce, store: RunStore, monkeypatch: pytest.MonkeyPatch) -> Reproduce:
    """Command line on small runs, with a query for their few videos."""
    monkeypatch.setattr(figure4, "TABLE", replace(figure4.TABLE, figure=strips(QUERY)))
    return lambda verb, *words: reproduce(verb, ROW, "--runs", store.root, *OVERRIDES, *words)


def test_run_saves_attention_maps_of_finished_rows_once_and_needs_their_weights(
    small: Reproduce, weighted: RunConfig, store: RunStore
) -> None:
    write_result(store, weighted)
    first = small("run")
    assert first.code == 0 and "k400: attention maps made" in first.err
    (file,) = store.root.rglob("attention_maps/*.npz")
    before = file.stat().st_mtime_ns
    second = small("run")
    assert second.code == 0 and [line[:5] for line in second.err.splitlines()] == ["next:"]
    assert file.stat().st_mtime_ns == before
    file.unlink()
    weights = store.run(weighted.train_id).weights
    for content, code, message in ((b"junk", 3, "is cut short or damaged"), (None, 1, "k400: no attention maps: run ")):
        weights.unlink() if content is None else weights.write_bytes(content)
        outcome = small("run")
        (line,) = outcome.err.strip().splitlines()
        assert outcome.code == code and message in line


def test_attention_draws_any_point_by_default_that_of_the_table_and_saves_no_maps(
    small: Reproduce, weighted: RunConfig, store: RunStore, tmp_path: Path
) -> None:
    out = tmp_path / "maps.png"
    chosen = small("attention", "--video", "@7", "--query", "0.4,0.9", "--frame", "2", "--head", "1", "--out", out)
    assert chosen.code == 0, chosen.err
    assert "query at 0.4,0.9 of token frame 2; block 1 (of 0 to 2), head 1 (of 0 to 3)" in chosen.out
    with Image.open(out) as image:
        assert image.format == "PNG" and min(image.size) > 500
    default = small("attention", "--block", "0", "--out", out)
    assert "query at 0.6,0.3 of token frame 0; block 0 (of 0 to 2), mean of 4 heads" in default.out
    assert not list(store.root.rglob("*.npz"))


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--video", "@10"), 2, "kinetics400 has 10 test videos, @0 to @9"),
        (("--query", "0.5,1.5"), 2, "point 0.5,1.5: x and y are shares of the picture's width and height"),
        (("--query", "0.5"), 2, "--query: '0.5': write it as X,Y"),
        (("--column", "top2"), 2, "has no run under column 'top2'; it has top1"),
        (("--attention", "s2t"), 2, "attention 's2t': the model has one attention, which has no name"),
        (("none.mp4",), 3, "none.mp4: there is no such video or folder"),
        (("none.mp4", "--list", "none.csv"), 2, "attention: none.mp4 is beside --list none.csv; name one of them"),
        (("--list", "none.csv"), 3, "there is no such file; it needs one 'path label' per line"),
        (("--out", "folder.png"), 3, "cannot write folder.png"),
    ],
)
def test_invalid_queries_are_one_line_errors_and_write_no_picture(
    small: Reproduce, weighted: RunConfig, tmp_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    (tmp_path / "folder.png").mkdir()
    outcome = small("attention", "--out", "maps.png", *words)
    (line,) = outcome.err.splitlines()
    assert outcome.code == code and message in line and "--runs" not in line
    assert not [file for file in tmp_path.glob("*.png") if file.is_file()]


def test_a_video_is_drawn_by_its_path_or_of_a_list_of_which_the_first_is_the_default(
    small: Reproduce, weighted: RunConfig, listed: Path
) -> None:
    paths = [line.rpartition(" ")[0] for line in listed.read_text().splitlines()]
    point = ("--query", "0.1,0.2")
    for words, video, query in (
        (["--list", listed], paths[0], "0.5,0.5"),
        (["--list", listed, "--video", "@7", *point], paths[7], "0.1,0.2"),
        (["--list", listed, "--video", paths[7], *point], paths[7], "0.1,0.2"),
        ([*point, paths[0]], paths[0], "0.1,0.2"),
        ([paths[0]], paths[0], "0.5,0.5"),
    ):
        drawn = small("attention", "--out", "maps.png", *words)
        assert drawn.code == 0, drawn.err
        assert f"video {video}" in drawn.out and f"query at {query} of token frame 0" in drawn.out


@pytest.mark.usefixtures("small_run")  # for its generated videos
def test_several_attentions_are_drawn_below_each_other_by_default_that_of_the_figure(
    reproduce: Reproduce, monkeypatch: pytest.MonkeyPatch, store: RunStore, keep_weights: KeepWeights, tmp_path: Path
) -> None:
    rows = (row("k400", ("K-400",), base=replace(figure4.K400, model=CAST.Config()), paper=()),)
    table = replace(figure4.TABLE, figure=strips(replace(QUERY, attention="t2s")), rows=rows)
    monkeypatch.setattr(figure4, "TABLE", table)
    keep_weights(table.cells(TINY, overrides=SMALL[:2])[0].runs[0])
    sizes = []
    for names in ("", "t2s,s2t"):
        chosen = ["--attention", names] if names else []
        outcome = reproduce("attention", ROW, "--runs", store.root, *OVERRIDES[:4], "--out", "maps.png", *chosen)
        assert outcome.code == 0, outcome.err
        for line, name in zip(outcome.out.splitlines(), (names or "t2s").split(","), strict=True):
            assert f"query at 0.6,0.3 of token frame 0; attention {name}, block " in line
        with Image.open(tmp_path / "maps.png") as image:
            sizes.append(image.size)
    assert sizes[1][0] == sizes[0][0] and sizes[1][1] > 1.9 * sizes[0][1]
