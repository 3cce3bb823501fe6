"""Labels of patches, and masks from labels, by the rules of both published evaluations."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from models.propagation.rules import CRW, DINO, PropagationRules, first_labels, hardened, mask_of, rescaled
from models.tokens import Grid

GRID = Grid(2, 4, 6)
FRAME, INPUT = torch.Size((40, 50)), torch.Size((32, 48))


def mask() -> torch.Tensor:
    found = torch.zeros(FRAME, dtype=torch.uint8)
    found[5:22, 8:31] = 1
    found[25:38, 30:48] = 2
    return found


def test_hard_labels_are_those_of_pillow_at_single_pixels() -> None:
    labels = first_labels(mask(), GRID, DINO)
    expected = np.asarray(Image.fromarray(mask().numpy()).resize((6, 4), Image.Resampling.NEAREST))
    assert labels.shape == (3, 24) and set(labels.unique().tolist()) == {0, 1}
    assert (labels.argmax(0).unflatten(0, (4, 6)).numpy() == expected).all()


def test_soft_labels_sum_to_one() -> None:
    found = torch.zeros(8, 12, dtype=torch.uint8)
    found[:, 5:] = 1  # column 2 of the patches, of pixels 4 and 5, is half covered
    labels = first_labels(found, GRID, CRW)
    torch.testing.assert_close(labels.sum(0), torch.ones(24))
    assert labels[1].unflatten(0, (4, 6))[0].tolist() == pytest.approx([0, 0, 0.5, 1, 1, 1])


def test_hardened_labels_have_one_label_a_patch() -> None:
    labels = torch.tensor([[0.2, 0.5], [0.7, 0.1], [0.1, 0.4]])
    assert hardened(labels).tolist() == [[0, 1], [1, 0], [0, 0]]


@pytest.mark.parametrize("rules", [CRW, DINO], ids=["crw", "dino"])
def test_masks_of_labels_are_near_the_mask(rules: PropagationRules) -> None:
    found = mask_of(first_labels(mask(), GRID, rules), GRID, rules, of_input=INPUT, of_frame=FRAME)
    assert found.shape == FRAME and found.dtype == torch.uint8
    for number in (1, 2):
        ours, theirs = found == number, mask() == number
        assert (ours & theirs).sum() / (ours | theirs).sum() > 0.5


def test_rescaled_labels_reach_from_0_to_1_and_labels_without_a_share_stay_0() -> None:
    shares = torch.stack(
        [torch.linspace(0.5, 0.9, 6).view(2, 3), torch.zeros(2, 3), torch.linspace(0, 0.1, 6).view(2, 3)]
    )
    found = rescaled(shares)
    assert found[0].min() == 0 and found[0].max() == 1 and found[2].max() == 1
    assert (found[1] == 0).all()


def test_a_weak_label_wins_only_if_labels_are_rescaled() -> None:
    labels = torch.zeros(2, 24)
    labels[0], labels[1, 7] = 0.7, 0.3
    labels[0, 7] = 0.6

    def share(rules: PropagationRules) -> int:
        return int((mask_of(labels, GRID, rules, of_input=INPUT, of_frame=FRAME) == 1).sum())

    assert share(CRW) == 0
    assert share(replace(CRW, rescale_labels=True)) > 0
