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
from tests.reproduce.conftest import Reproduce
from tests.runner.stored_metrics import write_result

KeepWeights = Callable[..., None]
ROW = "motionformer/figure4:k400"
SMALL = ["data.dataset.stand_in.num_train=10", "data.dataset.stand_in.num_val=10", "model.width=32"]
OVERRIDES = [word for override in SMALL for word in ("-o", override)]
QUERY = AttentionQuery(video=3, x=0.6, y=0.3)


@pytest.fixture
def small(reproduce: Reproduce, store: RunStore, monkeypatch: pytest.MonkeyPatch) -> Reproduce:
    """Command line on small runs, with a query for their few videos."""
    figure = AttentionStrips(column="top1", queries=(RowQuery(row="k400", real=QUERY, stand_in=QUERY),))
    monkeypatch.setattr(figure4, "TABLE", replace(figure4.TABLE, figure=figure))

    return lambda verb, *words: reproduce(verb, ROW, "--runs", store.root, *OVERRIDES, *words)


@pytest.fixture
def tested_run(weighted: RunConfig, store: RunStore) -> RunConfig:
    write_result(store, weighted)
    return weighted


def test_run_saves_attention_maps_of_finished_rows_once(
    small: Reproduce, tested_run: RunConfig, store: RunStore
) -> None:
    first = small("run")
    assert first.code == 0 and "k400: attention maps made" in first.err
    (file,) = store.root.rglob("attention_maps/*.npz")
    before = file.stat().st_mtime_ns
    second = small("run")
    assert second.code == 0 and [line[:5] for line in second.err.splitlines()] == ["next:"]
    assert file.stat().st_mtime_ns == before


def test_attention_maps_without_usable_weights_are_a_one_line_error(
    small: Reproduce,
    tested_run: RunConfig,
    store: RunStore,
) -> None:
    weights = store.run(tested_run.train_id).weights
    weights.unlink()
    outcome = small("run")
    assert outcome.code == 1
    assert outcome.err.strip().startswith("reproduce: k400: no attention maps: run ")
    assert len(outcome.err.strip().splitlines()) == 1
    weights.write_bytes(b"junk")
    damaged = small("run")
    assert damaged.code == 3 and "weights.safetensors is cut short or damaged" in damaged.err


def test_attention_draws_any_point_and_saves_no_maps(
    small: Reproduce,
    weighted: RunConfig,
    store: RunStore,
    tmp_path: Path,
) -> None:
    out = tmp_path / "maps.png"
    outcome = small(
        "attention", "--video", "@7", "--query", "0.4,0.9", "--frame", "2", "--head", "1", "--out", str(out)
    )
    assert outcome.code == 0, outcome.err
    assert "query at 0.4,0.9 of token frame 2; block 1 (of 0 to 2), head 1 (of 0 to 3)" in outcome.out
    with Image.open(out) as image:
        assert image.format == "PNG" and min(image.size) > 500
    assert not list(store.root.rglob("*.npz"))


def test_attention_draws_the_query_of_the_table_by_default(
    small: Reproduce, weighted: RunConfig, tmp_path: Path
) -> None:
    outcome = small("attention", "--block", "0", "--out", str(tmp_path / "maps.png"))
    assert outcome.code == 0, outcome.err
    assert "query at 0.6,0.3 of token frame 0; block 0 (of 0 to 2), mean of 4 heads" in outcome.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--video", "nothing"), "video 'nothing': kinetics400 has no such test video; ids are like 'val/"),
        (("--video", "@10"), "kinetics400 has 10 test videos, @0 to @9"),
        (("--query", "0.5,1.5"), "point 0.5,1.5: x and y are shares of the picture's width and height"),
        (("--query", "0.5"), "--query: '0.5': write it as X,Y"),
        (("--query", "here"), "--query: 'here': write it as X,Y"),
        (("--query", "1,2,3"), "--query: '1,2,3': write it as X,Y"),
        (("--frame", "4"), "frame 4: the clip has the token frames 0 to 3"),
        (("--block", "2"), "block 2: maps are in blocks 0, 1"),
        (("--head", "4"), "head 4: choose one from 0 to 3"),
        (("--column", "top2"), "has no run under column 'top2'; it has top1"),
    ],
)
def test_invalid_queries_are_one_line_errors_and_write_no_picture(
    small: Reproduce,
    weighted: RunConfig,
    tmp_path: Path,
    words: tuple[str, ...],
    message: str,
) -> None:
    out = tmp_path / "maps.png"
    outcome = small("attention", *words, "--out", str(out))
    assert outcome.code == 2 and message in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert not out.exists()


def test_an_unwritable_picture_path_is_a_one_line_error(small: Reproduce, weighted: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "maps.png").mkdir()
    outcome = small("attention", "--out", str(tmp_path / "maps.png"))
    assert outcome.code == 3
    assert "cannot write" in outcome.err and "name another file" in outcome.err and "--runs" not in outcome.err


# Videos of a list, and models with several attentions


def test_a_video_of_a_list_is_drawn_by_default_the_first(
    small: Reproduce,
    weighted: RunConfig,
    listed: Path,
    tmp_path: Path,
) -> None:
    paths = [line.rpartition(" ")[0] for line in listed.read_text().splitlines()]
    out = str(tmp_path / "maps.png")
    first = small("attention", "--list", str(listed), "--out", out)
    assert first.code == 0, first.err
    assert f"video {paths[0]}" in first.out and "query at 0.5,0.5 of token frame 0" in first.out
    for video in ("@7", paths[7]):
        chosen = small("attention", "--list", str(listed), "--video", video, "--query", "0.1,0.2", "--out", out)
        assert chosen.code == 0 and f"video {paths[7]}" in chosen.out and "query at 0.1,0.2" in chosen.out


def test_unusable_lists_are_one_line_errors(
    small: Reproduce, weighted: RunConfig, listed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "maps.png"
    broken = tmp_path / "broken.csv"
    broken.write_text("a.mp4\n")
    for file, message in (
        (tmp_path / "none.csv", "there is no such file; it needs one 'path label' per line"),
        (broken, "wrong fields in 'a.mp4'; a line is 'path label'"),
    ):
        outcome = small("attention", "--list", str(file), "--out", str(out))
        assert outcome.code == 3 and message in outcome.err and len(outcome.err.strip().splitlines()) == 1
    outcome = small("attention", "--list", str(listed), "--video", "@10", "--out", str(out))
    assert outcome.code == 2 and f"video @10: {listed} has 10 test videos, @0 to @9" in outcome.err
    assert not out.exists()


@pytest.fixture
def two_streams(
    reproduce: Reproduce,
    monkeypatch: pytest.MonkeyPatch,
    small_run: RunConfig,  # for its generated videos
    store: RunStore,
    keep_weights: KeepWeights,
) -> Reproduce:
    """Command `attention` on a row of a model with two attentions."""
    base = replace(figure4.K400, model=CAST.Config())
    query = replace(QUERY, attention="t2s")
    figure = AttentionStrips(column="top1", queries=(RowQuery(row="k400", real=query, stand_in=query),))
    table = replace(figure4.TABLE, figure=figure, rows=(row("k400", ("K-400",), base=base, paper=()),))
    monkeypatch.setattr(figure4, "TABLE", table)
    keep_weights(table.cells(TINY, overrides=SMALL[:2])[0].runs[0])
    return lambda *words: reproduce("attention", ROW, "--runs", store.root, *OVERRIDES[:4], *words)


def test_several_attentions_are_drawn_below_each_other(two_streams: Reproduce, tmp_path: Path) -> None:
    sizes = []
    for names in ("t2s", "t2s,s2t"):
        outcome = two_streams("--attention", names, "--out", str(tmp_path / "maps.png"))
        assert outcome.code == 0, outcome.err
        lines = outcome.out.splitlines()
        assert len(lines) == len(names.split(","))
        for line, name in zip(lines, names.split(","), strict=True):
            assert f"query at 0.6,0.3 of token frame 0; attention {name}, block " in line
        with Image.open(tmp_path / "maps.png") as image:
            sizes.append(image.size)
    assert sizes[1][0] == sizes[0][0] and sizes[1][1] > 1.9 * sizes[0][1]


def test_the_attention_is_by_default_that_of_the_figure(two_streams: Reproduce, tmp_path: Path) -> None:
    outcome = two_streams("--out", str(tmp_path / "maps.png"))
    assert outcome.code == 0 and "attention t2s, block 2 (of 0 to 3), mean of 4 heads" in outcome.out


@pytest.mark.parametrize("names", ["time", "s2t,", "s2t,cls"])
def test_unknown_attentions_are_one_line_errors(two_streams: Reproduce, tmp_path: Path, names: str) -> None:
    outcome = two_streams("--attention", names, "--out", str(tmp_path / "maps.png"))
    assert outcome.code == 2 and not (tmp_path / "maps.png").exists()
    assert outcome.err == f"reproduce: attention '{names.rpartition(',')[2]}': the model has s2t and t2s\n"


def test_a_model_with_one_attention_has_no_names(small: Reproduce, weighted: RunConfig, tmp_path: Path) -> None:
    outcome = small("attention", "--attention", "s2t", "--out", str(tmp_path / "maps.png"))
    assert outcome.code == 2 and "attention 's2t': the model has one attention, which has no name" in outcome.err
