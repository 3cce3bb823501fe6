"""Rows that are done within a time, for `reproduce plan --budget`."""

import math
from collections.abc import Mapping

from data.errors import number_of
from reproduce.option_types import Duration
from runner.machine.messages import device_time_text
from runner.store.jobs import Job

Key = tuple[str, str]  # of a job


def rows_within(
    found: list[Job], hours: Mapping[Key, float | None], budget: Duration, num_devices: int
) -> tuple[list[str], str]:
    """Rows that are done within a time, chosen from the cheapest on, and what each of the others takes more.

    The remaining hours of a job are None if they are unknown. The first test of a run has those of its training.
    """

    def seconds(keys: set[Key]) -> float:
        """Time on all devices; infinite if it is unknown."""
        of_keys = (hours[key] for key in keys)
        return sum(math.inf if one is None else 3600 * one / num_devices for one in of_keys)

    rows = needed_by_rows(found)
    left, chosen = dict(rows), set[Key]()
    while left:
        row = min(left, key=lambda row: seconds(left[row] - chosen))
        if seconds(left[row] | chosen) > budget:
            break
        chosen |= left.pop(row)
    fitting = [row for row in rows if row not in left]
    text = f"{len(fitting)} of {number_of(len(rows), 'rows')} fit {budget} ({device_time_text(seconds(chosen))})"
    if left:
        more = {row: seconds(keys - chosen) for row, keys in left.items()}
        others = (f"{row} {'?' if math.isinf(one) else device_time_text(one)}" for row, one in more.items())
        text += f"{': ' if fitting else ''}{', '.join(fitting)}; "
        text += f"each of the others takes more than is left: {', '.join(others)}"
    return fitting, text


def needed_by_rows(found: list[Job]) -> dict[str, set[Key]]:
    """Jobs that each row needs: the tests of its cells, their trainings, and those of the runs that they start from."""
    trainings: dict[str, Job] = {}
    for job in found:
        trainings.setdefault(job.run.train_id, job)

    def needed(job: Job) -> set[Key]:
        parents = (trainings[one.run.train_id] for one in job.run.parents if one.run.train_id in trainings)
        return {job.key, trainings[job.run.train_id].key}.union(*map(needed, parents))

    rows: dict[str, set[Key]] = {}
    for job in found:
        for cell in job.cells:
            rows.setdefault(f"{cell.table}:{cell.row}", set()).update(needed(job))
    return rows
