"""Videos and points of Figures A2 to A5: what they show of the stand-in."""

import pytest
import torch

from data.stand_ins.drawing.figures import CLASS_NAMES
from data.stand_ins.of_figures import FigureStandIn
from experiments.deform3d.attention_mass import actor_boxes
from experiments.spec.catalog import load
from experiments.spec.figure_runs import shown_runs
from experiments.spec.figures import AttentionQuery
from experiments.spec.scales import find_scale
from interface.sizes import PoseClipSize


@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_points_lie_on_the_actor_in_test_videos_of_the_class_of_the_row(number: int) -> None:
    table = load(f"deform3d/figureA{number}")
    found = list(shown_runs(table.figure, table.cells(find_scale("tiny"))))
    assert len(found) == 3
    for row, run, query in found:
        stand_in = run.data.dataset.stand_in
        assert isinstance(stand_in, FigureStandIn) and isinstance(query, AttentionQuery)
        drawing = run.data.dataset.drawing(stand_in)
        video = next(video for video in drawing.parts() if video.video_id == query.video)
        assert (video.split, CLASS_NAMES[video.label]) == ("val", row.replace("-", "_"))
        joints = drawing.joints(video)
        first = stand_in.frames // PoseClipSize.of(run.data.size).frames // 2  # the middle of the first segment
        shares = torch.from_numpy(joints.places / [stand_in.width, stand_in.height])
        visible = torch.from_numpy(joints.visible).unsqueeze(-1)
        boxes = actor_boxes(torch.cat([shares, visible], -1)[None, first : first + 1])
        point = torch.tensor([query.x, query.y])
        assert ((point >= boxes.low[0, 0]) & (point <= boxes.high[0, 0])).all(), f"{row}: {point}"


@pytest.mark.parametrize("number", [2, 3])
def test_columns_of_all_videos_are_of_a_run_without_training(number: int) -> None:
    table = load(f"deform3d/figureA{number}")
    runs = {(cell.row.key, cell.column.key): cell.run for cell in table.cells(find_scale("tiny"))}
    trained = runs["penn", "top1"]
    assert trained is not None
    for (row, column), run in runs.items():
        is_test = row == "penn" and column != "top1"
        assert run is not None
        assert (run.optim is None) == is_test and (run.parents[0].run if is_test else run) == trained
