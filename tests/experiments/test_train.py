"""What surrounds a training: the files it keeps, and damaged or unwritable ones, each in one line."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from lightning import Trainer
from safetensors.torch import save_file

from data.datamodule import VideoDataModule
from experiments.callbacks import DeviceClock
from experiments.motionformer.base import K400, SSV2
from experiments.store import RunStore, StoreError
from experiments.train import fit, replacing, trained_weights, training_description
from lightning_modules.classifier import VideoClassifier


def test_a_training_is_described_without_any_test_protocol() -> None:
    other = replace(SSV2, start_from=replace(K400, evaluation=replace(K400.evaluation, views=1)))
    assert other.train_id == SSV2.train_id
    assert training_description(other) == training_description(SSV2)
    assert "evaluation" not in str(training_description(SSV2))


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"a": torch.zeros(100)}, path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(StoreError, match="cut short or damaged; remove it"):
        trained_weights(path)


def test_a_damaged_checkpoint_is_named_before_it_is_resumed_from(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    directory = store.run("abc")
    directory.checkpoint.parent.mkdir(parents=True)
    directory.checkpoint.write_text("junk")
    module, datamodule, trainer = cast(VideoClassifier, None), cast(VideoDataModule, None), cast(Trainer, None)
    with pytest.raises(StoreError, match=r"last\.ckpt is cut short or damaged; remove it"):
        fit(K400, store, directory, module, datamodule, trainer, DeviceClock())


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    path.write_text("old")
    with pytest.raises(StoreError, match="No space left on device; free space there"), replacing(path) as partial:
        partial.write_text("half")
        raise OSError(28, "No space left on device")
    assert [file.name for file in tmp_path.iterdir()] == ["file.npz"]
    assert path.read_text() == "old"
