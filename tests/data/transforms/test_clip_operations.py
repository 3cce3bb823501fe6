"""Operations on clips: each is equal to the bit to the function of whole frames that it stands for, within any box."""

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from data.items import seeded
from data.transforms import pillow_operations, tensor_operations
from data.transforms.clip_operations import Operation, Operations
from data.transforms.pillow_operations import FILTERS
from data.transforms.tracked_frames import Box
from tests.data.transforms.reference_operations import NAMES, TORCHVISION, by_timm, equal

NUMBERS = range(len(NAMES))
Function = Callable[[Tensor], Tensor]


def clips(height: int, width: int) -> list[Tensor]:
    """Noise, a smooth clip, one of low contrast, and one of a single colour: (2, 3, height, width) each."""
    generator = torch.Generator().manual_seed(height)
    noise = torch.randint(0, 256, (2, 3, height, width), generator=generator).to(torch.uint8)
    smooth = F.interpolate(torch.rand(2, 3, 5, 6, generator=generator), (height, width), mode="bilinear")
    smooth = (255 * smooth).to(torch.uint8)
    return [noise, smooth, smooth // 3 + 40, torch.full_like(noise, 77)]


def random_box(height: int, width: int) -> Box:
    box_height, box_width = random.randint(1, height), random.randint(1, width)
    return Box(random.randint(0, height - box_height), random.randint(0, width - box_width), box_height, box_width)


def pillow(number: int, strength: float) -> tuple[Operation, Function]:
    sign, filter = random.choice((-1, 1)), random.choice(FILTERS)
    function = by_timm(number, strength, sign, filter)

    def changed(frames: Tensor) -> Tensor:
        images = [function(Image.fromarray(frame.permute(1, 2, 0).numpy())) for frame in frames]
        return torch.from_numpy(np.stack([np.array(image) for image in images])).permute(0, 3, 1, 2)

    return pillow_operations.operations(filter)[number](strength, sign), changed


def of_tensors(number: int, strength: float) -> tuple[Operation, Function]:
    sign = random.choice((-1, 1))
    return tensor_operations.OPERATIONS[number](strength, sign), lambda x: TORCHVISION[number](x, strength, sign)


FLAVOURS = {"Pillow": pillow, "torchvision": of_tensors}


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("number", NUMBERS, ids=NAMES)
def test_an_operation_is_equal_to_its_function_of_whole_frames(number: int, flavour: str) -> None:
    with seeded(number):
        for strength in (1.0, 0.5, 0.7, 0.1, random.random(), random.random()):
            for size in ((61, 83), (40, 30)):
                for clip in clips(*size):
                    operation, function = FLAVOURS[flavour](number, strength)
                    box, original = random_box(*size), clip.clone()
                    result = Operations([(slice(None), [operation])])(clip, box)
                    place = np.s_[..., box.top : box.top + box.height, box.left : box.left + box.width]
                    assert equal(result[place], function(clip)[place])
                    assert torch.equal(clip, original)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_operations_in_turn_are_their_functions_in_turn(flavour: str) -> None:
    height, width = 61, 83
    with seeded(0):
        for _ in range(80):
            pairs = [FLAVOURS[flavour](number, random.uniform(0.1, 1)) for number in random.choices(NUMBERS, k=4)]
            clip, box = random.choice(clips(height, width)), random_box(height, width)
            result = Operations([(slice(None), [operation for operation, _ in pairs])])(clip, box)
            for _, function in pairs:
                clip = function(clip)
            place = np.s_[..., box.top : box.top + box.height, box.left : box.left + box.width]
            assert torch.equal(result[place], clip[place])


def test_parts_of_a_clip_have_operations_of_their_own_on_channels_in_either_order() -> None:
    clip = clips(40, 30)[1]
    first, of_first = of_tensors(NAMES.index("ColorIncreasing"), 0.7)
    second, of_second = of_tensors(NAMES.index("Rotate"), 0.7)
    result = Operations([(slice(1), [first]), (slice(1, None), [second])], reversed_channels=True)(clip)
    swapped = clip.flip(1)
    assert torch.equal(result, torch.cat([of_first(swapped[:1]), of_second(swapped[1:])]).flip(1))
