"""Events of TensorBoard, and files of them."""

import os
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[attr-defined]  # generated at import
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo  # type: ignore[attr-defined]
from tensorboard.plugins.hparams.summary_v2 import Discrete, HParam, RealInterval, hparams_config_pb, hparams_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter

# The names sort before those of the curves. TensorBoard reads the files of a run in this order, and waits for new
# events at the end of the last one.
OWN_FILE = "events.out.tfevents.0000000000.table"
PICTURES_FILE = "events.out.tfevents.0000000001.pictures"
RGBA = 4  # number of channels of the PNG files of matplotlib


class HParamColumn(NamedTuple):
    """Column of HPARAMS.

    `name`: its name, by which TensorBoard sorts the columns. `header`: its displayed name.
    """

    name: str
    header: str


def hparam_columns(values: Mapping[HParamColumn, Sequence[str | float]]) -> Summary:
    """Columns of HPARAMS with all their values. Every run contains all of them: TensorBoard reads those of one run.

    A column has texts or numbers. One without values is left out.
    """
    columns = []
    for column, found in values.items():
        texts = [value for value in dict.fromkeys(found) if isinstance(value, str)]
        numbers = [float(value) for value in found if not isinstance(value, str)]
        domain = Discrete(texts) if texts else RealInterval(min(numbers), max(numbers)) if numbers else None
        if domain is not None:
            columns.append(HParam(column.name, domain, display_name=column.header))
    return hparams_config_pb(hparams=columns, metrics=[], time_created_secs=0)


def hparams(values: Mapping[HParamColumn, str | float], group: str) -> Summary:
    return hparams_pb({column.name: value for column, value in values.items()}, trial_id=group, start_time_secs=0)


def end(finished: bool) -> Summary:
    """End of a run, or that it is running."""
    status = api_pb2.Status.Value("STATUS_SUCCESS" if finished else "STATUS_RUNNING")  # type: ignore[attr-defined]
    content = HParamsPluginData(session_end_info=SessionEndInfo(status=status, end_time_secs=0))
    plugin = metadata.create_summary_metadata(content)
    return Summary(
        value=[Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=plugin, tensor=metadata.NULL_TENSOR)]
    )


def picture(tag: str, png: bytes) -> Summary:
    """Picture."""
    width, height = struct.unpack(">II", png[16:24])  # offsets in the header of a PNG file
    image = Summary.Image(width=width, height=height, colorspace=RGBA, encoded_image_string=png)
    return Summary(value=[Summary.Value(tag=tag, image=image)])


def text(tag: str, markdown: str) -> Summary:
    return text_pb(tag, markdown)


def write_events(path: Path, summaries: list[Summary], index: int) -> None:
    """Write an event file atomically, and only if it changes: a running TensorBoard would read it twice.

    Args:
        path: event file. Its time is that of its events.
        summaries: contents of its events.
        index: index of the run in the view. It is the time of the first event, by which TensorBoard sorts and colours
            runs.
    """
    if path.exists() and path.read_bytes() == records(summaries, index, int(path.stat().st_mtime)):
        return
    now = int(time.time())
    partial = path.with_name(f".{os.getpid()}.partial")
    partial.write_bytes(records(summaries, index, now))
    os.utime(partial, (now, now))
    partial.replace(path)


def records(summaries: Iterable[Summary], index: int, seconds: int) -> bytes:
    """Content of an event file. Equal events give equal bytes.

    Args:
        seconds: time of the events.
    """
    content = BytesIO()
    writer = RecordWriter(content)
    writer.write(Event(wall_time=index, file_version="brain.Event:2").SerializeToString())
    for summary in summaries:
        writer.write(Event(wall_time=seconds, step=0, summary=summary).SerializeToString())
    return content.getvalue()
