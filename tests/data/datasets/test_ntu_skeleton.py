from pathlib import Path

import numpy as np
import pytest

from data.datasets.ntu_skeleton import skeleton_bodies
from data.errors import DecodeError
from tests.data.pose_files import skeleton_text, walking


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_written_bodies_are_read_again(tmp_path: Path) -> None:
    one, two = walking(4), walking(4, seed=1)
    frames = [{"72057594037931101": one[0]}, {}, {"72057594037931101": one[2], "5": two[2]}, {"5": two[3]}]
    found = skeleton_bodies(written(tmp_path / "a.skeleton", skeleton_text(frames)))
    assert found.num_frames == 4
    assert list(found.places) == ["72057594037931101", "5"]
    first, second = found.places.values()
    np.testing.assert_allclose(first[[0, 2]], one[[0, 2]], rtol=1e-5)
    np.testing.assert_allclose(second[[2, 3]], two[[2, 3]], rtol=1e-5)
    assert np.isnan(first[[1, 3]]).all() and np.isnan(second[[0, 1]]).all()


def test_frames_without_a_body_are_read(tmp_path: Path) -> None:
    found = skeleton_bodies(written(tmp_path / "a.skeleton", "2\n0\n0\n"))
    assert (found.num_frames, found.places) == (2, {})


@pytest.mark.parametrize("text", ["NaN", "nan", "-1.#IND", "1.#QNAN"])
def test_coordinates_that_are_no_numbers_are_joints_without_a_place(text: str, tmp_path: Path) -> None:
    lines = skeleton_text([{"1": walking(1)[0]}]).splitlines()
    fields = lines[4].split()
    fields[5] = text
    lines[4] = " ".join(fields)
    (places,) = skeleton_bodies(written(tmp_path / "a.skeleton", "\n".join(lines))).places.values()
    assert np.isfinite(places[0]).all(-1).tolist() == [False] + [True] * 24


TEXT = skeleton_text([{"1": walking(1)[0]}, {"1": walking(1)[0]}])
NUM_LINES = 1 + 2 * 28


@pytest.mark.parametrize("kept", range(NUM_LINES))
def test_a_file_that_is_cut_short_anywhere_is_refused(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "a.skeleton"
    with pytest.raises(DecodeError) as caught:
        skeleton_bodies(written(path, "\n".join(TEXT.splitlines()[:kept])))
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and message.endswith("get it again") and "\n" not in message
    if kept > 2:
        assert f"cut short: it ends after line {kept}, before " in message


@pytest.mark.parametrize(
    ("number", "line", "message"),
    [
        (1, "two", "line 1: 'two' is no number of frames"),
        (1, "-2", "line 1: '-2' is no number of frames"),
        (1, "0", f"line 1: 0 frames in a file of {NUM_LINES} lines; it is cut short: get it again"),
        (1, "900", f"line 1: 900 frames in a file of {NUM_LINES} lines; it is cut short: get it again"),
        (1, "1", "line 30: text after the last of 1 frames"),
        (2, "1 1", "line 2: 2 fields; the number of bodies has 1"),
        (3, "1 0", "line 3: 2 fields; a body has 10"),
        (4, "24", "line 4: 24 joints; a body has 25"),
        (5, "1 2 3", "line 5: 3 fields; a joint has 12"),
        (5, "0 0 0 0 0 left 0 0 0 0 0 0", "line 5: 'left' is no coordinate"),
        (NUM_LINES, "1 2", f"line {NUM_LINES}: 2 fields; a joint has 12, and the file ends here: get it again"),
    ],
)
def test_a_wrong_line_is_refused_by_its_number(number: int, line: str, message: str, tmp_path: Path) -> None:
    lines = TEXT.splitlines()
    lines[number - 1] = line
    path = tmp_path / "a.skeleton"
    with pytest.raises(DecodeError) as caught:
        skeleton_bodies(written(path, "\n".join(lines)))
    assert str(caught.value) == f"{path}: {message}"


def test_a_missing_file_and_one_that_is_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.skeleton"
    with pytest.raises(DecodeError, match="no such file") as caught:
        skeleton_bodies(str(path))
    assert caught.value.missing
    path.write_bytes(b"\x00\xff\xfe")
    with pytest.raises(DecodeError, match="not a text file; get it again"):
        skeleton_bodies(str(path))
    path.unlink()
    path.mkdir()
    with pytest.raises(DecodeError, match="cannot be read"):
        skeleton_bodies(str(path))
