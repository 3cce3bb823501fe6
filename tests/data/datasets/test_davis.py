"""Reader of DAVIS 2017: frames, masks, result files, and errors in one line."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from data.datasets.davis import VOID, Davis, read_frames, read_masks, read_results, result_files
from data.errors import DataError, DecodeError, MissingAnnotationError
from data.stand_ins.drawing.encoding import DEFAULT_PALETTE
from data.stand_ins.drawing.encoding import encoded_mask as encoded
from data.stand_ins.of_videos import LIST, MASKS, PICTURES

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


def damage_size(root: Path) -> None:
    (root / MASKS / "cows/00001.png").write_bytes(encoded(mask(1)[:, :-1], DEFAULT_PALETTE))


def damage_ids(root: Path) -> None:
    jumping = mask(0)
    jumping[jumping == 2] = 3
    (root / MASKS / "cows/00000.png").write_bytes(encoded(jumping, DEFAULT_PALETTE))


def damage_objects(root: Path) -> None:
    (root / MASKS / "cows/00000.png").write_bytes(encoded(np.zeros(SIZE, np.uint8), DEFAULT_PALETTE))


def damage_png(root: Path) -> None:
    path = root / MASKS / "cows/00003.png"
    path.write_bytes(path.read_bytes()[:-40])


def damage_mode(root: Path) -> None:
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(root / MASKS / "cows/00002.png")


def damage_picture(root: Path) -> None:
    Image.fromarray(np.zeros((24, 42, 3), np.uint8)).save(root / PICTURES / "cows/00002.jpg")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_size, r"cows: .*cows: a mask is \(24, 39\) pixels, its frame is \(24, 40\)"),
        (damage_ids, r"cows: .*00000\.png: the ids are 1, 3; they must count from 1 without a gap"),
        (damage_objects, r"the ids are no object"),
        (damage_png, r"cows: .*00003\.png: .*"),
        (damage_mode, r"00002\.png: the PNG is of type RGB; masks are indexed"),
        (damage_picture, r"cows: its frames differ in size"),
    ],
)
def test_damaged_files_are_named_in_one_line(root: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(root)
    sequence = Davis.Config().build(root, "test").sequences[0]
    with pytest.raises(DecodeError, match=message) as caught:
        read_frames(sequence)
        read_masks(sequence, SIZE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: (root / LIST).write_text("\n"), "the file is empty"),
        (lambda root: (root / LIST).write_text("cows\ncows\n"), "cows is listed 2 times"),
        (
            lambda root: (root / LIST).write_text("cows\nblackswan\n"),
            "blackswan has 0 frames, and",
        ),
        (
            lambda root: (root / MASKS / "cows/00002.png").unlink(),
            "cows has 4 frames, and .* 3; each frame",
        ),
        (
            lambda root: (root / PICTURES / "cows/00000.jpg").unlink(),
            "cows has 3 frames, and .* 4",
        ),
    ],
)
def test_unusable_layouts_are_named_in_one_line(root: Path, change: Callable[[Path], object], message: str) -> None:
    change(root)
    with pytest.raises(DataError, match=message) as caught:
        Davis.Config().build(root, "test")
    assert "\n" not in str(caught.value)


def test_too_short_sequences_and_the_training_split_are_refused(root: Path) -> None:
    write_sequence(root, "short", 2)
    (root / LIST).write_text("short\n")
    with pytest.raises(DataError, match="short has 2 frames"):
        Davis.Config().build(root, "test")
    with pytest.raises(MissingAnnotationError, match="nothing is trained"):
        Davis.Config().build(root, "train")
