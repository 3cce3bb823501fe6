"""Items of sequences with masks: sizes after resizing, and normalisation."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from data.datasets.davis import Davis, read_frames
from data.errors import DecodeError
from data.masked_sequences import MaskedSequences, resized
from data.stand_ins.drawing.davis import DavisDrawing
from data.stand_ins.drawing.ensure import ensure
from data.stand_ins.of_videos import DavisStandIn
from interface.evaluation import EvalConfig

PROTOCOL = EvalConfig(views=1, crops=1)
STAND_IN = DavisStandIn(num_val=2, height=32, width=60, frames=4)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure(DavisDrawing(STAND_IN), tmp_path_factory.mktemp("davis2017"), progress=False, workers=0)


@pytest.mark.parametrize(
    ("size", "multiple", "expected"),
    [
        ((480, 854), 64, (480, 832)),
        ((480, 854), 16, (480, 848)),
        ((480, 910), 64, (480, 896)),
        ((480, 1152), 64, (480, 1152)),
        ((720, 405), 16, (848, 480)),
        ((240, 427), 16, (480, 848)),
    ],
)
def test_the_long_side_is_rounded_down(size: tuple[int, int], multiple: int, expected: tuple[int, int]) -> None:
    assert MaskedSequences(multiple=multiple).resized_size(*size) == expected


def test_frames_are_resized_bilinearly_in_uint8() -> None:
    frames = torch.randint(256, (2, 3, 8, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = resized(frames, (16, 18))
    expected = F.interpolate(frames.double(), (16, 18), mode="bilinear")
    assert found.dtype == torch.uint8 and (found.double() - expected).abs().max() <= 0.51
    assert torch.equal(resized(frames, (8, 12)), frames)


def test_an_item_has_resized_frames_and_masks_in_their_own_size(root: Path) -> None:
    data = MaskedSequences(dataset=Davis.Config(stand_in=STAND_IN), short_side=16, multiple=8)
    items = data.dataset.build(root, "test")
    item = data.test_items(items, PROTOCOL)[1]
    frames, masks = item.inputs
    assert frames.shape == (1, 4, 3, 16, 24) and masks.shape == (1, 4, 32, 60)
    assert (item.label, item.place, item.view, item.unreadable) == (4, 1, 0, False)
    pixels, same = data.on_device((frames, masks))
    assert pixels.min() >= -1 and pixels.max() <= 1 and pixels.dtype == torch.float32 and same is masks
    facts = data.examine(items, 0)
    assert (facts.frames, facts.short_side) == (4, 32)
    assert len(data.files(items)[0]) == 8 and all(Path(path).is_file() for path in data.files(items)[0])


def test_shown_frames_are_at_even_intervals_with_the_predictions_of_a_folder(root: Path) -> None:
    data = MaskedSequences(dataset=Davis.Config(stand_in=STAND_IN), short_side=16, multiple=8)
    items = data.dataset.build(root, "test")
    shown = data.shown_masks(items, 0, root / "Annotations/480p", 2)
    assert shown.numbers.tolist() == [0, 3] and (shown.true == shown.predicted).all()
    assert (shown.frames == read_frames(items.sequences[0])[[0, 3]]).all()
    pictures, masks = DavisDrawing(STAND_IN).rendered(0)
    assert (shown.true == masks[[0, 3]]).all()
    assert np.abs(shown.frames.astype(float) - pictures[[0, 3]]).mean() < 8
    with pytest.raises(DecodeError, match="no such file"):
        data.shown_masks(items, 0, root, 2)


def test_other_protocols_and_trainings_are_refused() -> None:
    for evaluation in (EvalConfig(views=2, crops=1), EvalConfig(views=1, crops=3)):
        with pytest.raises(ValueError, match="it must be 1"):
            MaskedSequences().check(evaluation)
    with pytest.raises(ValueError, match="only tested"):
        MaskedSequences().train_items(None, 0)  # type: ignore[arg-type]
