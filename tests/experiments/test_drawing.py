"""What figures draw: of which row, in which video, at which point."""

from dataclasses import replace

import pytest

from experiments.attention_maps import AttentionQuery
from experiments.catalog import find, load
from experiments.drawing import AttentionStrips, queried_runs
from experiments.scales import PAPER, TINY, Scale

FIGURE4 = load("motionformer/figure4")


@pytest.mark.parametrize("scale", [PAPER, TINY], ids=["paper", "tiny"])
def test_every_row_of_figure_4_has_a_query(scale: Scale) -> None:
    queried = queried_runs(find(["motionformer/figure4"]), scale, (), (0,))
    assert [one.row for one in queried] == [row.key for row in FIGURE4.rows] == ["k400", "ssv2"]
    assert all(
        one.run.data.dataset.name.startswith(name) for one, name in zip(queried, ("kinetics", "ssv2"), strict=True)
    )


def test_the_runs_of_figure_4_are_those_of_table_4() -> None:
    for scale in (PAPER, TINY):
        queried = queried_runs(find(["motionformer/figure4"]), scale, (), (0,))
        cells = load("motionformer/table4").cells(scale, rows=["trajectory"])
        assert {one.run.train_id for one in queried} == {
            cell.run.train_id for cell in cells if cell.trained and cell.run
        }


def test_generated_videos_have_queries_of_their_own() -> None:
    (real, _), (generated, _) = (
        queried_runs(find(["motionformer/figure4"]), scale, (), (0,)) for scale in (PAPER, TINY)
    )
    assert real.query == AttentionQuery() and generated.query != real.query


def test_generated_videos_are_named_as_they_are() -> None:
    for _, run, query in queried_runs(find(["motionformer/figure4"]), TINY, (), (0,)):
        stand_in = run.data.dataset.stand_in
        assert stand_in is not None
        names = {video.video_id for video in stand_in.videos()[stand_in.num_train :]}  # type: ignore[attr-defined]
        assert str(query.video).rpartition("/")[2].removesuffix(".mp4") in names


def test_of_several_seeds_the_first_is_drawn() -> None:
    queried = queried_runs(find(["motionformer/figure4:ssv2"]), TINY, ("optim.epochs=3",), (4, 5))
    assert [(one.row, one.run.seed, one.run.optim.epochs) for one in queried] == [("ssv2", 4, 3)]


def test_other_tables_draw_no_attention() -> None:
    assert queried_runs(find(["motionformer/table4", "motionformer/figure3"]), TINY, (), (0,)) == []


def test_rows_without_a_query_and_other_columns_are_left_out() -> None:
    assert isinstance(FIGURE4.drawing, AttentionStrips)
    cells = FIGURE4.cells(TINY)
    fewer = replace(FIGURE4.drawing, queries=FIGURE4.drawing.queries[1:])
    assert [one.row for one in fewer.queried(cells)] == ["ssv2"]
    assert not list(replace(FIGURE4.drawing, column="other").queried(cells))
