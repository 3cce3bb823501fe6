"""Scores per video: the softmax of each view, summed, and what became of each video.

Motionformer section 6.2: several clips and crops of a video are scored and their softmax scores summed.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

OK, FAILED, MISSING = 0, 1, 2


@dataclass
class VideoScore:
    """One video: its label, the sum of its views' softmax scores (C,), and which views have been seen."""

    label: int
    scores: Tensor
    status: int = OK
    views: set[int] = field(default_factory=set)


class Accuracy(NamedTuple):
    """Top-1 and top-5 in percent of all videos, and what became of the videos."""

    top1: float
    top5: float
    evaluated: int
    failed: int
    missing: int


class VideoScores:
    """Collects the views of a test, in any order and from any number of processes."""

    def __init__(self) -> None:
        self.videos: dict[int, VideoScore] = {}

    def add(self, probabilities: Tensor, labels: Tensor, videos: Tensor, views: Tensor, status: Tensor) -> None:
        """Add the crops of some views.

        Args:
            probabilities: (B, crops, C), after the softmax.
            labels, videos, views, status: (B,); a view that was seen before is ignored.
        """
        sums = probabilities.float().sum(1).cpu()  # (B, C)
        rows = zip(labels.tolist(), videos.tolist(), views.tolist(), status.tolist(), sums, strict=True)
        for label, video, view, state, score in rows:
            entry = self.videos.setdefault(video, VideoScore(label, torch.zeros_like(score)))
            if view in entry.views:
                continue
            entry.views.add(view)
            entry.status = max(entry.status, state)
            entry.scores += score

    def merge(self, others: list["VideoScores"]) -> None:
        """Take in what other processes have scored."""
        for other in others:
            for index, video in other.videos.items():
                mine = self.videos.get(index)
                if mine is None:
                    self.videos[index] = video
                elif not (mine.views & video.views):
                    mine.views |= video.views
                    mine.status = max(mine.status, video.status)
                    mine.scores += video.scores

    def check(self, num_videos: int, num_views: int) -> None:
        """Raise unless each of the test's videos got each of its views.

        Raises:
            RuntimeError: naming the first video that did not.
        """
        for index in range(num_videos):
            seen = len(self.videos[index].views) if index in self.videos else 0
            if seen != num_views:
                raise RuntimeError(f"video {index} of the test was scored on {seen} views instead of {num_views}")

    def accuracy(self) -> Accuracy:
        """Accuracies over all videos; those that could not be read count as wrong."""
        indices = sorted(self.videos)
        states = [self.videos[i].status for i in indices]
        if not indices:
            return Accuracy(0.0, 0.0, 0, 0, 0)
        scores = torch.stack([self.videos[i].scores for i in indices])  # (V, C)
        labels = torch.tensor([self.videos[i].label for i in indices])
        readable = torch.tensor([state == OK for state in states])
        best = scores.topk(min(5, scores.shape[1])).indices  # (V, 5)
        hits = (best == labels[:, None]) & readable[:, None]
        percent = 100.0 / len(indices)
        return Accuracy(
            top1=hits[:, 0].sum().item() * percent,
            top5=hits.any(1).sum().item() * percent,
            evaluated=states.count(OK),
            failed=states.count(FAILED),
            missing=states.count(MISSING),
        )
