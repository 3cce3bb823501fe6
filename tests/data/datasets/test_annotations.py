"""Annotation files with hostile content: one short line that names the file, for every reader."""

import json
import os
from pathlib import Path

import pytest

from data.config import DatasetConfig
from data.datasets.epic100 import Epic100
from data.datasets.kinetics import Kinetics
from data.datasets.ssv2 import SSv2
from data.errors import DataError

KINETICS, SSV2, EPIC = Kinetics.Config(num_classes=3), SSv2.Config(num_classes=3), Epic100.Config()
OFFICIAL = "label,youtube_id,time_start,time_end,split\n"
EPIC_COLUMNS = "narration_id,video_id,start_timestamp,stop_timestamp,verb_class,noun_class\n"
LABELS = {"Closing something": "0", "Opening something": "1", "Eating something": "2"}
LONG = 200_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Folder with one video of each data set, and class names."""
    for place in ("train/b/1.mp4", "train/a/x_000000_000010.mp4", "videos/11.webm", "P01/videos/P01_01.MP4"):
        (tmp_path / "root" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / place).touch()
    (tmp_path / "outside.mp4").touch()
    (tmp_path / "root/classes.txt").write_text("a\nb\nc")
    (tmp_path / "root/labels.json").write_text(json.dumps(LABELS))
    return tmp_path / "root"


def message(config: DatasetConfig, root: Path, name: str, content: str) -> str:
    """Message about an annotation file with this content."""
    (root / name).write_text(content)
    with pytest.raises(DataError) as caught:
        config.build(root, "train")
    text = str(caught.value)
    assert text.startswith(f"{root / name}")
    assert len(text) < len(str(root)) + 700
    assert text.isprintable()
    return text.removeprefix(f"{root / name}")


def entry(video_id: str, template: str = "Closing [something]") -> str:
    return json.dumps([{"id": video_id, "template": template}])


def test_long_fields_are_shortened(root: Path) -> None:
    field = LONG * "x"
    assert message(KINETICS, root, "train.csv", field).startswith(":1: too few fields in 'xxx")
    assert message(KINETICS, root, "train.csv", f"train/b/1.mp4 {field}").startswith(":1: wrong label 'xxx")
    assert message(KINETICS, root, "train.csv", f"{OFFICIAL}a,y,{field[:9000]},1,train").startswith(":2: 'xxx")
    assert message(SSV2, root, "train.json", entry("1", field)).startswith(": entry 1 (id 1): wrong label 'xxx")
    assert message(SSV2, root, "train.json", entry(field, "none")).startswith(": entry 1 (id xxx")
    row = f"P01_01_0,P01_01,00:00:01.00,{field[:9000]},0,0"
    assert message(EPIC, root, "EPIC_100_train.csv", EPIC_COLUMNS + row).startswith(":2: 'xxx")


def test_fields_above_the_limit_of_csv_are_named_by_line(root: Path) -> None:
    field = LONG * "x"
    for config, name, header in ((KINETICS, "train.csv", OFFICIAL), (EPIC, "EPIC_100_train.csv", EPIC_COLUMNS)):
        text = message(config, root, name, f'{header}"{field}')
        assert text.startswith(":2: not a CSV row (field larger than field limit (131072)); close its quotation marks")


@pytest.mark.parametrize("digits", [12, 5000])
def test_long_numbers_are_no_labels(root: Path, digits: int) -> None:
    number = digits * "9"
    assert message(KINETICS, root, "train.csv", f"train/b/1.mp4 {number}").startswith(":1: wrong label '999")
    text = message(KINETICS, root, "train.csv", f"{OFFICIAL}a,y,{digits * '9'}e999,1,train")
    assert text.startswith(":2: '999") and text.endswith("should be seconds")
    for values in (f"{number},0", f"0,{number}"):
        row = f"P01_01_0,P01_01,00:00:01.00,00:00:02.00,{values}"
        assert " class '999" in message(EPIC, root, "EPIC_100_train.csv", EPIC_COLUMNS + row)


def test_hostile_json_is_named(root: Path) -> None:
    deep = f"{'[' * LONG}{']' * LONG}"
    assert message(SSV2, root, "train.json", deep) == ": its lists are nested too deeply; download the file again"
    assert message(SSV2, root, "train.json", f"[{5000 * '9'}]").startswith(": a number is too long (Exceeds the limit")
    for label in (f"{5000 * '9'}", "1e999", "NaN"):
        text = message(SSV2, root, "labels.json", f'{{"Closing something": {label}}}')
        assert "number" in text


def test_nul_characters_are_named_by_line(root: Path) -> None:
    for config, name in ((KINETICS, "train.csv"), (SSV2, "train.json"), (EPIC, "EPIC_100_train.csv")):
        assert message(config, root, name, "first\nsecond\0 1\n").startswith(":2: a NUL character;")
    entries = [{"id": name, "template": "Closing [something]"} for name in ("\0", "11")]
    (root / "train.json").write_text(json.dumps(entries))
    assert [os.path.exists(record.path) for record in SSV2.build(root, "train").records] == [False, True]


@pytest.mark.parametrize("path", ["../outside.mp4", "train/../../outside.mp4", "../../../etc/passwd"])
def test_listed_paths_stay_below_the_folder(root: Path, path: str) -> None:
    text = message(KINETICS, root, "train.csv", f"train/b/1.mp4 0\n{path} 1\n")
    assert text.startswith(f": '{path}' leads out of {root}; move the video below that folder")
    text = message(KINETICS, root, "train.csv", f"{path} 1\n")
    assert "leads out of" in text or "none of the 1 videos" in text


def test_listed_paths_may_go_up_within_the_folder(root: Path) -> None:
    (root / "annotations").mkdir()
    (root / "annotations/train.csv").write_text("../train/b/1.mp4 0\n")
    assert os.path.samefile(KINETICS.build(root, "train").records[0].path, root / "train/b/1.mp4")


def test_names_do_not_lead_out_of_the_folder(root: Path) -> None:
    rows = "a,x,0,10,train\na,../../../outside,0,10,train\n"
    assert "_000000_000010' leads out of" in message(KINETICS, root, "train.csv", OFFICIAL + rows)
    entries = json.dumps([{"id": name, "template": "Closing [something]"} for name in ("11", "../../outside")])
    assert message(SSV2, root, "train.json", entries).startswith(": '../../outside' leads out of")
    times = "00:00:01.00,00:00:02.00,0,0\n"
    rows = f"P01_01_0,P01_01,{times}x_1,../../../outside,{times}"
    assert message(EPIC, root, "EPIC_100_train.csv", EPIC_COLUMNS + rows).startswith(": 'x_1' leads out of")
