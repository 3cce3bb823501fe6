"""Segments of EPIC-Kitchens-100 and their frames: folders of pictures, whole videos, or one file per segment."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from data.datasets.videos import VIDEO_SUFFIXES, Span, VideoRecord

BASE_FOLDERS = (".", "EPIC-KITCHENS", "EPIC-KITCHENS-100")
# {p}: the participant, {v}: the video.
FRAME_FOLDERS = (
    "{p}/rgb_frames/{v}",
    "rgb_frames/{p}/{v}",
    "rgb_frames/{v}",
    "frames/{p}/{v}",
    "frames/{v}",
    "{p}/{v}",
    "{v}",
)
VIDEO_FOLDERS = ("{p}/videos", "videos/{p}", "videos", "{p}", ".")
SEGMENT_FOLDERS = (
    "{p}/segments/{v}",
    "{p}/segments",
    "segments/{p}/{v}",
    "segments/{p}",
    "segments",
    "clips/{p}/{v}",
    "clips/{p}",
    "clips",
    "{p}/{v}",
    "{p}/videos",
    "videos",
    ".",
)


class Segment(NamedTuple):
    """One row of the annotations. Without a span, the segment can only be a file of its own."""

    narration_id: str
    video_id: str
    span: Span | None
    label: tuple[int, ...]


class VideoLocator:
    """Locates the frames of segments. Each folder is listed only once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.listed: dict[str, dict[str, str]] = {}
        self.found: dict[str, str] = {}

    def record(self, segment: Segment) -> VideoRecord:
        """Record of a segment: its frames (no decoding needed), else its own file, else the whole video."""
        if segment.span is None:
            expected = os.path.join(self.root, "segments", f"{segment.narration_id}.mp4")
            return VideoRecord(self.segment_file(segment) or expected, segment.label, segment.narration_id)
        frames = self.frames_or_video(segment.video_id)
        segment_file = None if os.path.isdir(frames) else self.segment_file(segment)
        if segment_file is not None:
            return VideoRecord(segment_file, segment.label, segment.narration_id)
        return VideoRecord(frames, segment.label, segment.narration_id, segment.span)

    def segment_file(self, segment: Segment) -> str | None:
        """File of a segment alone, or None."""
        return self.file(SEGMENT_FOLDERS, segment.video_id, segment.narration_id)

    def frames_or_video(self, video_id: str) -> str:
        """Folder of a video's frames, else its file, else the expected path of its file."""
        if video_id not in self.found:
            folders = (folder for folder in self.candidate_folders(FRAME_FOLDERS, video_id) if contains_frames(folder))
            path = next(folders, None) or self.file(VIDEO_FOLDERS, video_id, video_id)
            expected = os.path.join(self.root, participant(video_id), "videos", f"{video_id}.MP4")
            self.found[video_id] = path or expected
        return self.found[video_id]

    def file(self, folders: Iterable[str], video_id: str, stem: str) -> str | None:
        """Video file with this stem in one of the folders, or None."""
        listings = (self.files(folder) for folder in self.candidate_folders(folders, video_id))
        return next((files[stem] for files in listings if stem in files), None)

    def candidate_folders(self, folders: Iterable[str], video_id: str) -> Iterator[str]:
        """Candidate folders of a video in every base folder."""
        for base in BASE_FOLDERS:
            for folder in folders:
                yield os.path.normpath(
                    os.path.join(self.root, base, folder.format(p=participant(video_id), v=video_id))
                )

    def files(self, folder: str) -> dict[str, str]:
        """Video files of a folder by stem."""
        if folder not in self.listed:
            names = os.listdir(folder) if os.path.isdir(folder) else []
            videos = [name for name in names if name.lower().endswith(VIDEO_SUFFIXES)]
            self.listed[folder] = {os.path.splitext(name)[0]: os.path.join(folder, name) for name in videos}
        return self.listed[folder]


def contains_frames(folder: str) -> bool:
    """Whether a folder contains a frame. The search stops at the first: there may be thousands."""
    if not os.path.isdir(folder):
        return False
    with os.scandir(folder) as entries:
        return any(entry.name.startswith("frame_") for entry in entries)


def participant(video_id: str) -> str:
    """Participant of a video: P01 for P01_101."""
    return video_id.partition("_")[0]
