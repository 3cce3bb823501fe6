"""`TaskModule.load_from_checkpoint`: models of checkpoints and weight files, from the file alone.

Those with a frozen part are in `tests/runner/weights/test_frozen_weights.py`.
"""

import shutil
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lightning_modules.module import TaskModule
from models.saved_weights import RUN
from tests.runner.points import POINTS, RunHarness
from tests.runner.tower_weights import FROZEN_TOWER, FUSED, OTHER, keep, same


def test_a_checkpoint_holds_its_model_task_and_recipe(harness: RunHarness, tmp_path: Path) -> None:
    harness.execute_and_kill(POINTS, "step", 12)
    file = shutil.copy(harness.store.run(POINTS.train_id).checkpoint, tmp_path / "elsewhere.ckpt")
    module = TaskModule.load_from_checkpoint(file)
    assert module.run == POINTS
    assert (module.optim, module.protocol) == (POINTS.optim, POINTS.evaluation)
    assert same(module.state_dict(), torch.load(file, weights_only=True)["state_dict"])


def test_the_weights_that_a_training_leaves_are_loaded_in_the_same_way(harness: RunHarness, tmp_path: Path) -> None:
    harness.execute(POINTS)
    file = shutil.copy(harness.store.run(POINTS.train_id).weights, tmp_path / "elsewhere.safetensors")
    module = TaskModule.load_from_checkpoint(file, map_location="meta")
    assert module.run == POINTS and module.device.type == "meta"
    assert same(TaskModule.load_from_checkpoint(file).model.state_dict(), load_file(file))
    with safe_open(file, "pt") as saved:
        save_file({name: tensor + 1 for name, tensor in load_file(file).items()}, file, saved.metadata())
    with pytest.raises(ValueError, match="was changed after it was saved: its digest differs"):
        TaskModule.load_from_checkpoint(file)


@pytest.mark.usefixtures("photos")
def test_a_copy_of_weights_may_lie_in_any_folder(harness: RunHarness) -> None:
    harness.execute(FROZEN_TOWER)
    with tempfile.NamedTemporaryFile(dir="/tmp", suffix=".safetensors") as file:
        shutil.copy(harness.store.run(FROZEN_TOWER.train_id).weights, file.name)
        assert TaskModule.load_from_checkpoint(file.name).run == FROZEN_TOWER


def test_frozen_weights_of_an_absent_run_are_named(harness: RunHarness, tmp_path: Path) -> None:
    keep(POINTS, harness.store, seed=1)
    keep(OTHER, harness.store, seed=2)
    harness.execute(FUSED)
    (tmp_path / "other" / "run" / "checkpoints").mkdir(parents=True)
    file = tmp_path / "other" / "run" / "checkpoints" / "weights.safetensors"
    shutil.copy(harness.store.run(FUSED.train_id).weights, file)
    with pytest.raises(ValueError, match=rf"those of run {POINTS.train_id}, which is not in .*other$"):
        TaskModule.load_from_checkpoint(file)


def test_a_file_calls_nothing_that_it_names(tmp_path: Path) -> None:
    for name in ("pathlib:Path.mkdir", "os:mkdir", "antigravity:webbrowser"):
        evil = {"class": name, "self": {"path": str(tmp_path / "made")}, "path": str(tmp_path / "made")}
        torch.save({"state_dict": {"x": torch.zeros(1)}, RUN: evil}, tmp_path / "evil.ckpt")
        with pytest.raises(ValueError, match="its config needs other code"):
            TaskModule.load_from_checkpoint(tmp_path / "evil.ckpt")
    assert not (tmp_path / "made").exists()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"weights.safetensors is cut short or damaged; get it again"):
        TaskModule.load_from_checkpoint(tmp_path / "weights.safetensors")


def test_a_file_without_a_config_names_another_way(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match=r"weights.safetensors contains no config; .*row_model\(ROW, weights=FILE\)"):
        TaskModule.load_from_checkpoint(tmp_path / "weights.safetensors")
