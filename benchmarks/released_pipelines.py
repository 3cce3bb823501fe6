"""Training clips by the operations of the authors' pipelines, in their order, on frames that decord decodes.

PIL's and timm's operations a frame at a time, float frames of full size, everything before the crop that comes before
it there: Motionformer and CAST follow SlowFast's transforms, X-ViT those of temporal segment networks, MSCA TokShift's.
F: frames of a clip. A pipeline gives normalised pixels (F, 3, 224, 224).
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional
from numpy.typing import NDArray
from PIL import Image, ImageOps
from timm.data.auto_augment import auto_augment_transform, rand_augment_transform
from torch import Tensor
from torchvision.transforms import functional as F

CROP = 224
HALF, IMAGENET = ((0.5,) * 3, (0.5,) * 3), ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
Images = list[Image.Image]


def clip(recipe: str, path: str) -> Tensor:
    """Training clip of a recipe at a random place of a video."""
    from decord import VideoReader  # pyright: ignore[reportMissingImports]

    frames, span, pipeline = PIPELINES[recipe]
    video = VideoReader(path, num_threads=1)
    length = min(span or len(video), len(video))
    start = random.randint(0, len(video) - length)
    indices = np.linspace(start, start + length - 1, frames).astype(int)
    return pipeline(video.get_batch(indices.tolist()).asnumpy())


def motionformer_k400(frames: NDArray[np.uint8]) -> Tensor:
    return jittered(flipped(cropped(scaled(normalized(frames, HALF), random.randint(256, 320)))))


def motionformer_ssv2(frames: NDArray[np.uint8]) -> Tensor:
    images = alike(rand_augment_transform("rand-m20-n2-mstd0.5-inc1", {"translate_pct": 0.45}), images_of(frames))
    side = round(1 / random.uniform(1 / 320, 1 / 256))
    return cropped(scaled(normalized(stacked(images), HALF), side)).flip(1)


def xvit_k400(frames: NDArray[np.uint8]) -> Tensor:
    images = alike(auto_augment_transform("v0", {"translate_const": 100}), images_of(frames))
    side = int(min(images[0].size) * random.choice((1.0, 0.875, 0.75, 0.66)))
    left, top = (random.randint(0, length - side) for length in images[0].size)
    images = [image.crop((left, top, left + side, top + side)).resize((CROP, CROP), BILINEAR) for image in images]
    return flipped(normalized(stacked(images), HALF))


def xvit_ssv2(frames: NDArray[np.uint8]) -> Tensor:
    images = alike(auto_augment_transform("v0", {"translate_const": 100}), images_of(frames))
    pixels = normalized(stacked(cropped_images(images, random.randint(256, 320), BILINEAR)), HALF)
    if random.random() < 0.5:
        height, width = random.randint(30, 130), random.randint(30, 130)
        top, left = random.randint(0, CROP - height), random.randint(0, CROP - width)
        pixels[..., top : top + height, left : left + width] = 0
    return pixels


def msca_k400(frames: NDArray[np.uint8]) -> Tensor:
    images = images_of(frames)
    if random.random() < 0.5:
        images = [ImageOps.mirror(image) for image in images]
    images = cropped_images(images, random.randint(CROP, 329), Image.Resampling.BICUBIC)
    for change, low, high in COLOURS:
        if random.random() < 0.1:
            amount = random.uniform(low, high)
            images = [change(image, amount) for image in images]
    return normalized(stacked(images), HALF)


def cast_k400(frames: NDArray[np.uint8]) -> Tensor:
    return flipped(cast_ssv2(frames))


def cast_ssv2(frames: NDArray[np.uint8]) -> Tensor:
    settings = {"translate_const": int(CROP * 0.45), "interpolation": Image.Resampling.BICUBIC}
    images = alike(rand_augment_transform("rand-m7-n4-mstd0.5-inc1", settings), images_of(frames))
    pixels = normalized(stacked(images), IMAGENET)
    height, width = pixels.shape[-2:]
    area, aspect = random.uniform(0.08, 1) * height * width, np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3)))
    box_height, box_width = min(round((area / aspect) ** 0.5), height), min(round((area * aspect) ** 0.5), width)
    top, left = random.randint(0, height - box_height), random.randint(0, width - box_width)
    box = pixels[..., top : top + box_height, left : left + box_width]
    return torch.nn.functional.interpolate(box, (CROP, CROP), mode="bilinear", align_corners=False)


BILINEAR = Image.Resampling.BILINEAR
COLOURS: Sequence[tuple[Callable[..., Any], float, float]] = (  # torchvision's types are those of tensors
    (F.adjust_brightness, 0.5, 2.0),
    (F.adjust_saturation, 0.5, 3.0),
    (F.adjust_gamma, 0.8, 1.2),
    (F.adjust_hue, -0.5, 0.5),
)
# Frames, how many frames of the video they are spread over (None: all), and what is done to them.
PIPELINES: dict[str, tuple[int, int | None, Callable[[NDArray[np.uint8]], Tensor]]] = {
    "motionformer K400": (16, 64, motionformer_k400),
    "motionformer SSv2": (16, None, motionformer_ssv2),
    "xvit K400": (8, 256, xvit_k400),
    "xvit SSv2": (8, None, xvit_ssv2),
    "msca K400": (8, 256, msca_k400),
    "cast K400": (16, 64, cast_k400),
    "cast SSv2": (16, None, cast_ssv2),
    "cast EPIC": (16, None, cast_k400),
}


def images_of(frames: NDArray[np.uint8]) -> Images:
    return [Image.fromarray(frame) for frame in frames]


def stacked(images: Images) -> NDArray[np.uint8]:
    return np.stack([np.asarray(image) for image in images])


def alike(operations: Callable[[Image.Image], Image.Image], images: Images) -> Images:
    """Images after random operations, which draw the same for each of them."""
    seed, changed = random.getrandbits(32), []
    for image in images:
        random.seed(seed)
        np.random.seed(seed)
        try:
            changed.append(operations(image))
        except ValueError:  # posterised to 0 bits, which is black: Pillow no longer does it
            changed.append(Image.new("RGB", image.size))
    return changed


def cropped_images(images: Images, short_side: int, filter: Image.Resampling) -> Images:
    """Box of CROP pixels at a random place of images with this short side."""
    scale = short_side / min(images[0].size)
    width, height = (max(CROP, round(scale * length)) for length in images[0].size)
    left, top = random.randint(0, width - CROP), random.randint(0, height - CROP)
    resized = (image.resize((width, height), filter) for image in images)
    return [image.crop((left, top, left + CROP, top + CROP)) for image in resized]


def normalized(frames: NDArray[np.uint8], statistics: tuple[Sequence[float], Sequence[float]]) -> Tensor:
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in statistics)
    return (torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255 - mean) / std


def scaled(pixels: Tensor, short_side: int) -> Tensor:
    height, width = pixels.shape[-2:]
    size = [max(short_side, length * short_side // min(height, width)) for length in (height, width)]
    return torch.nn.functional.interpolate(pixels, size, mode="bilinear", align_corners=False)


def cropped(pixels: Tensor) -> Tensor:
    top, left = (random.randint(0, length - CROP) for length in pixels.shape[-2:])
    return pixels[..., top : top + CROP, left : left + CROP]


def flipped(pixels: Tensor) -> Tensor:
    return pixels.flip(-1) if random.random() < 0.5 else pixels


def jittered(pixels: Tensor) -> Tensor:
    """Brightness, contrast and saturation in random order, each a blend of the pixels with another image."""
    if random.random() >= 0.8:
        return pixels
    weights = torch.tensor([0.114, 0.587, 0.299]).view(3, 1, 1)

    def grey(x: Tensor) -> Tensor:
        return (x * weights).sum(1, keepdim=True).expand_as(x)

    targets = (torch.zeros_like, lambda x: grey(x).mean((1, 2, 3), keepdim=True), grey)
    for target in random.sample(targets, 3):
        factor = random.uniform(0.6, 1.4)
        pixels = factor * pixels + (1 - factor) * target(pixels)
    return pixels
