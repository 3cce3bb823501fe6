"""Models of rows for Python: their inputs and scores are those of the row's test."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from data.errors import DataError, DecodeError
from experiments.spec.run import RunConfig
from runner.inference.evaluate import evaluate
from runner.inference.row_model import RowModel, row_model
from runner.machine.resources import Resources
from runner.store.store import RunStore

ROOT = Path(__file__).resolve().parents[3]
ROW = "motionformer/table4:joint"


@pytest.fixture
def row(weighted: RunConfig, store: RunStore) -> RowModel:
    module = weighted.build()
    module.model.load_state_dict(load_file(store.run(weighted.train_id).weights))
    names: tuple[str | None, ...] = (None, *(f"name {number}" for number in range(1, 10)))
    return RowModel(weighted, module.model.eval(), "a file", {"class": names})


def test_scores_are_those_of_a_test(row: RowModel, store: RunStore, listed: Path) -> None:
    video = listed.read_text().splitlines()[0].rpartition(" ")[0]
    (entry,) = evaluate(row.run, store, Resources(devices=1), [Path(video)])["videos"]  # type: ignore[misc]
    best = row.best(video)
    assert [one.number for one in best] == [one["class"] for one in entry["top"]]
    assert [one.score for one in best] == pytest.approx([one["score"] for one in entry["top"]], rel=1e-4)
    assert [one.name for one in best] == [row.names["class"][one.number] for one in best]
    assert [str(one._replace(score=0.25)) for one in (best[0]._replace(name=None), best[0]._replace(name="run"))] == [
        f"class {best[0].number} (0.250)",
        "run (0.250)",
    ]
    assert row.scores(video).sum() == pytest.approx(1, rel=1e-4)


def test_inputs_are_all_crops_of_all_views_or_of_one(row: RowModel, listed: Path) -> None:
    video = listed.read_text().splitlines()[0].rpartition(" ")[0]
    (clips,) = row.inputs(video)
    assert clips.shape == (2 * 3, 8, 3, 32, 32) and clips.dtype == torch.float32
    assert clips.min() >= -1 and clips.max() <= 1 and clips.std() > 0.1  # (x / 255 - 0.5) / 0.5
    (second,) = row.inputs(video, view=1)
    assert second.equal(clips[3:])
    with pytest.raises(ValueError, match="view 2: the test has views 0 to 1"):
        row.inputs(video, view=2)


def test_text_states_layout_normalisation_and_outputs(row: RowModel) -> None:
    text = str(row)
    assert "clips (B, 8, 3, 32, 32): batch, frames, RGB, height, width; float32, (x / 255 - 0.5) / 0.5" in text
    assert "views x crops: 2 x 3" in text and "logits (B, 10): 10 of class" in text and "weights: a file" in text


def test_a_damaged_video_and_a_folder_are_refused(row: RowModel, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(DecodeError, match=r"broken\.mp4"):
        row.scores(tmp_path / "broken.mp4")
    with pytest.raises(ValueError, match="is a folder; name one video"):
        row.best(tmp_path)


def test_weights_of_an_untrained_model_are_refused() -> None:
    with pytest.raises(ValueError, match=r"untrained=True takes random weights, not those of k400\.pyth"):
        row_model(ROW, weights="k400.pyth", untrained=True)


def test_the_command_that_trains_a_row_without_weights_has_all_arguments(tmp_path: Path) -> None:
    videos, epochs = tmp_path / "my videos", "optim.epochs=3"
    for name in ("train/a/1.mp4", "train/b/2.mp4", "val/a/3.mp4"):
        (videos / name).parent.mkdir(parents=True)
        (videos / name).touch()
    words = ["reproduce", "run", ROW, "--scale", "tiny", "-o", epochs, "--own", videos, "--runs", tmp_path]
    with pytest.raises(ValueError, match=f"train it with `{re.escape(shlex.join(map(str, words)))} --column k400`"):
        row_model(ROW, scale="tiny", overrides=epochs, own=videos, runs=tmp_path)


def test_messages_name_arguments_of_python() -> None:
    with pytest.raises(ValueError, match=r"; or name a file with weights=FILE, or take .* with untrained=True$"):
        row_model(ROW, scale="tiny", runs="none")
    with pytest.raises(ValueError, match="names no folder of videos"):
        row_model(ROW, own="", untrained=True)
    with pytest.raises(ValueError, match=r"optim\.epochs is 0"):
        row_model(ROW, overrides="optim.epochs=0", untrained=True)


@pytest.mark.parametrize(
    ("row", "weights", "message"),
    [
        ("motionformer/table6b:mformer", None, "k400_motionformer_224_16x4.pyth; or train it with"),
        ("motionformer/table9:ours", None, "k400_motionformer_224_16x4.pyth; or train it with"),  # of its parent
        ("cast/table9:cast", None, "https://github.com/KHU-VLL/CAST; or train it with"),
        ("motionformer/table6b:mformer", "k400_motionformer_224_16x4.pyth", "; get it from https://"),
    ],
)
def test_missing_weights_are_named_with_their_address_and_the_command(
    row: str, weights: str | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises((ValueError, DataError)) as raised:
        row_model(row, weights=weights and tmp_path / weights, runs=tmp_path)
    assert f"`reproduce run {row} --scale paper --released`" in str(raised.value)
    assert message in str(raised.value)


def test_a_module_of_the_user_that_hides_a_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "data.py").write_text("")
    code = "from runner.inference.row_model import row_model"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True)
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"ImportError: {tmp_path / 'data.py'} hides a package of the same name that")
