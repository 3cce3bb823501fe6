"""`reproduce prepare`: a copy of a data set of videos that is cheap to read."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from data.config import DataConfig
from data.datasets.videos import VideoDataset
from data.errors import number_of
from data.preparation.preparation import UNREADABLE, Preparation, named
from data.worker_processes import available_cores
from experiments.spec.catalog import find
from experiments.spec.names import nearest
from experiments.spec.scales import PAPER
from reproduce.next_command import say_next
from reproduce.options import DONE, FAILED, Prepare
from reproduce.selection import resources_of
from runner.store.jobs import jobs_of


def execute(options: Prepare) -> int:
    """Write what the copy lacks. The exit code tells whether all videos could be read."""
    known = video_data()
    if options.dataset not in known:
        hint = nearest(options.dataset, known, f"they are {', '.join(known)}")
        raise ValueError(f"'{options.dataset}' is no data set of videos; {hint}")
    data = known[options.dataset]
    root, out = (Path(os.path.abspath(folder)) for folder in (resources_of(options).root(data), options.out))
    if out.is_relative_to(root):
        raise ValueError(f"--out {options.out} lies in the data set; name a folder outside of {root}")
    assert isinstance(data.dataset, VideoDataset)
    preparation = Preparation(reader=data.dataset, root=root, out=out, short_side=options.short_side)
    records = preparation.records()
    targets = preparation.targets(records if options.ids is None else named(records, options.ids))
    unreadable = preparation.write(targets, options.jobs or available_cores())
    print(f"{number_of(len(targets) - len(unreadable), 'videos')} in {out}")
    if unreadable:
        print(f"{number_of(len(unreadable), 'videos')} cannot be read: {out / UNREADABLE}", file=sys.stderr)
        return FAILED
    say_next("doctor", replace(options, data=((options.dataset, out),)))
    return DONE


def video_data() -> dict[str, DataConfig]:
    """Data of a run that reads them, for each data set of videos in files of its own."""
    runs = [job.run for job in jobs_of(find(["*"]), PAPER, [], (0,))]
    return {run.data.dataset.name: run.data for run in runs if isinstance(run.data.dataset, VideoDataset)}
