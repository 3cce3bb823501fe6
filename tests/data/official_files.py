"""Official annotation files with all classes, of which some are those of the mini sets."""

import csv
import json
from pathlib import Path

from data.datasets.subset import class_list
from tests.data.files import touched


def official_kinetics(root: Path) -> Path:
    """Ten videos of each of 400 classes, of which 200 are those of Mini-Kinetics. One file a split is there."""
    names = [*class_list("mini-kinetics"), *(f"other class {number}" for number in range(200))]
    for split in ("train", "val"):
        touched(root, f"{split}/yoga/{split}199v0_000000_000010.mp4")
        with (root / f"{split}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["label", "youtube_id", "time_start", "time_end"])
            rows.writerows([name, f"{split}{n}v{video}", 0, 10] for n, name in enumerate(names) for video in range(10))
    return root


def official_ssv2(root: Path) -> Path:
    """A training video of each of 174 templates, of which 87 are those of Mini-SSv2. One file is there."""
    names = sorted([*class_list("mini-ssv2"), *(f"{number} something" for number in range(87))], reverse=True)
    videos = [{"id": str(n), "template": name.replace("something", "[something]")} for n, name in enumerate(names)]
    touched(root, "0.webm")
    (root / "labels.json").write_text(json.dumps({name: str(n) for n, name in enumerate(names)}))
    (root / "train.json").write_text(json.dumps(videos))
    return root
