"""Reader of DAVIS 2017: frames, masks, result files, and errors in one line."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from data.datasets.davis import VOID, Davis, read_frames, read_masks, read_results, result_files
from data.errors import DecodeError, MissingAnnotationError
from data.stand_ins.drawing.encoding import DEFAULT_PALETTE
from data.stand_ins.drawing.encoding import encoded_mask as encoded
from data.stand_ins.of_videos import LIST, MASKS, PICTURES
from tests.data.files import refusal

SIZE = (24, 40)


def mask(frame: int) -> NDArray[np.uint8]:
    """Two objects that move to the right, and a void corner."""
    found = np.zeros(SIZE, np.uint8)
    found[4:10, 2 + frame : 10 + frame] = 1
    found[12:20, 4 + frame : 16 + frame] = 2
    found[0, 0] = VOID
    return found


def write_sequence(root: Path, name: str, num_frames: int = 4) -> None:
    for folder in (root / PICTURES / name, root / MASKS / name):
        folder.mkdir(parents=True)
    for frame in range(num_frames):
        picture = np.full((*SIZE, 3), 40 * frame, np.uint8)
        Image.fromarray(picture).save(root / PICTURES / name / f"{frame:05d}.jpg")
        (root / MASKS / name / f"{frame:05d}.png").write_bytes(encoded(mask(frame), DEFAULT_PALETTE))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("cows", "bike-packing"):
        write_sequence(tmp_path, name)
    (tmp_path / LIST).parent.mkdir(parents=True)
    (tmp_path / LIST).write_text("cows\nbike-packing\n\n")
    return tmp_path


def test_sequences_are_in_the_order_of_the_list_with_all_frames(root: Path) -> None:
    items = Davis.Config().build(root, "test")
    assert items.ids == ("cows", "bike-packing") and len(items) == 2
    assert items.label(0) == 4 and items.sequences[0].frames == ("00000", "00001", "00002", "00003")
    assert items.fingerprint == Davis.Config().build(root, "val").fingerprint
    write_sequence(root, "dogs", 5)
    (root / LIST).write_text("cows\ndogs\n")
    assert Davis.Config().build(root, "test").fingerprint != items.fingerprint


def test_frames_and_masks_are_read_with_void(root: Path) -> None:
    sequence = Davis.Config().build(root, "test").sequences[0]
    frames = read_frames(sequence)
    assert frames.shape == (4, *SIZE, 3) and abs(int(frames[2].mean()) - 80) <= 2
    masks = read_masks(sequence, SIZE)
    assert masks.dtype == np.uint8 and (masks == np.stack([mask(frame) for frame in range(4)])).all()
    with pytest.raises(DecodeError, match=r"a mask is \(24, 40\) pixels, its frame is \(24, 44\)"):
        read_masks(sequence, (24, 44))


def test_an_object_that_the_first_mask_lacks_counts_as_background(root: Path) -> None:
    sequence = Davis.Config().build(root, "test").sequences[0]
    later = mask(2)
    later[22:, 30:] = 3
    sequence.mask(2).write_bytes(encoded(later, DEFAULT_PALETTE))
    assert (read_masks(sequence, SIZE)[2] == mask(2)).all()


def test_result_files_have_the_palette_and_the_first_mask_is_the_given_file(root: Path, tmp_path: Path) -> None:
    sequence = Davis.Config().build(root, "test").sequences[0]
    predicted = np.stack([np.roll(mask(frame), 1, axis=1) for frame in range(4)])
    predicted[predicted == VOID] = 0
    results = tmp_path / "results"
    for path, content in result_files(sequence, predicted):
        (results / path).parent.mkdir(parents=True, exist_ok=True)
        (results / path).write_bytes(content)
    assert (results / "cows/00000.png").read_bytes() == sequence.mask(0).read_bytes()
    with Image.open(results / "cows/00002.png") as image:
        assert image.mode == "P" and (np.asarray(image) == predicted[2]).all()
        assert (image.getpalette() or [])[:6] == DEFAULT_PALETTE[:6]
    assert (read_results(sequence, results)[1:] == predicted[1:]).all()
    (results / "cows/00001.png").unlink()
    with pytest.raises(DecodeError, match=r"00001\.png: no such file"):
        read_results(sequence, results)


# Content of files, and the fault that is named.
DAMAGED: dict[str, tuple[bytes | NDArray[np.uint8], str]] = {
    "00001.png": (mask(1)[:, :-1], r"cows: .*00001\.png: it differs in size from the first one"),
    "00000.png": (
        mask(0) + (mask(0) == 2),
        r"cows: .*00000\.png: the ids are 1, 3; they must count from 1 without a gap",
    ),
    "./00000.png": (np.zeros(SIZE, np.uint8), r"the ids are no object"),
    "00003.png": (encoded(mask(3), DEFAULT_PALETTE)[:-40], r"cows: .*00003\.png: .*"),
    "00002.png": (np.zeros((*SIZE, 3), np.uint8), r"00002\.png: the PNG is of type RGB; masks are indexed"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_named_in_one_line(root: Path, name: str) -> None:
    content, message = DAMAGED[name]
    path = root / MASKS / "cows" / name
    path.write_bytes(content) if isinstance(content, bytes) else Image.fromarray(content).save(path)
    sequence = Davis.Config().build(root, "test").sequences[0]
    found = refusal(lambda: (read_frames(sequence), read_masks(sequence, SIZE)), DecodeError)
    assert re.search(message, found)


@pytest.mark.parametrize(
    ("names", "missing", "message"),
    [
        ("\n", "", "the file is empty"),
        ("cows\ncows\n", "", "cows is listed 2 times"),
        ("cows\nblackswan\n", "", "blackswan has 0 frames, and"),
        ("cows\n", f"{MASKS}/cows/00002.png", "cows has 4 frames, and .* 3; each frame"),
        ("cows\n", f"{PICTURES}/cows/00000.jpg", "cows has 3 frames, and .* 4"),
        ("short\n", "", "short has 2 frames"),
    ],
)
def test_unusable_layouts_are_named_in_one_line(root: Path, names: str, missing: str, message: str) -> None:
    write_sequence(root, "short", 2)
    (root / LIST).write_text(names)
    if missing:
        (root / missing).unlink()
    assert re.search(message, refusal(lambda: Davis.Config().build(root, "test")))
    assert "nothing is trained" in refusal(lambda: Davis.Config().build(root, "train"), MissingAnnotationError)
