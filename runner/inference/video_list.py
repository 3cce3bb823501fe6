"""Runs on the videos of a list file in place of their data set."""

from dataclasses import replace
from pathlib import Path

from data.datasets.own_videos import ListFile
from data.errors import DataError
from experiments.spec.run import RunConfig
from runner.inference.class_names import ClassNames, flat_names


def listed_run(run: RunConfig, video_list: Path, names: ClassNames) -> RunConfig:
    """The same run on a list file. Its ids differ: weights and results are those of `run`.

    Args:
        names: names of the classes, which may stand in the list in place of numbers.
    """
    if not video_list.is_file():
        labels = " ".join(run.data.targets.label_names)
        raise DataError(f"--list {video_list}: there is no such file; it needs one 'path {labels}' per line")
    listed = ListFile.Config(predicted=run.data.targets, class_names=flat_names(names))
    return replace(run, data=run.data.with_videos(listed))
