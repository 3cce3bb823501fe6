"""Scores per video: the softmax of each view, summed, and what became of each video.

Motionformer section 6.2: several clips and crops of a video are scored and their softmax scores summed. V videos, C
outputs of the model: its classes, or all verbs and then all nouns.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

OK, FAILED, MISSING = 0, 1, 2


@dataclass
class VideoScore:
    """One video: its label, the sum of its views' softmax scores (C,), and which views have been seen."""

    label: int | tuple[int, ...]
    scores: Tensor
    status: int = OK
    views: set[int] = field(default_factory=set)


class Accuracy(NamedTuple):
    """Each metric in percent of all videos, and what became of the videos."""

    percent: dict[str, float]
    evaluated: int
    failed: int
    missing: int

    @property
    def top1(self) -> float:
        """How often the best class, or the best verb and the best noun, are right."""
        return self.percent["top1"]

    @property
    def top5(self) -> float:
        """How often what is right is among the best five."""
        return self.percent["top5"]


class VideoScores:
    """Collects the views of a test, in any order and from any number of processes."""

    def __init__(self) -> None:
        self.videos: dict[int, VideoScore] = {}

    def add(self, probabilities: Tensor, labels: Tensor, videos: Tensor, views: Tensor, status: Tensor) -> None:
        """Add the crops of some views.

        Args:
            probabilities: (B, crops, C), after the softmax.
            labels: (B,) or (B, 2).
            videos, views, status: (B,); a view that was seen before is ignored.
        """
        sums = probabilities.float().sum(1).cpu()  # (B, C)
        rows = zip(labels.tolist(), videos.tolist(), views.tolist(), status.tolist(), sums, strict=True)
        for label, video, view, state, score in rows:
            label = tuple(label) if isinstance(label, list) else label
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
        """Raise unless each of the test's videos got each of its views, and scores that are numbers.

        Raises:
            RuntimeError: naming the first video that lacks a view.
            ValueError: saying how many videos have scores that are no numbers.
        """
        for index in range(num_videos):
            seen = len(self.videos[index].views) if index in self.videos else 0
            if seen != num_views:
                raise RuntimeError(f"video {index} of the test was scored on {seen} views instead of {num_views}")
        diverged = sum(not video.scores.isfinite().all() for video in self.videos.values())
        if diverged:
            raise ValueError(
                f"the scores of {diverged} of {num_videos} test videos are not finite: these weights are of no use; "
                f"where they were trained here, train them with a smaller optim.lr"
            )

    def accuracy(self) -> Accuracy:
        """Accuracies over all videos; those that could not be read count as wrong."""
        indices = sorted(self.videos)
        states = [self.videos[i].status for i in indices]
        if not indices:
            return Accuracy({"top1": 0.0, "top5": 0.0}, 0, 0, 0)
        scores = torch.stack([self.videos[i].scores for i in indices])  # (V, C)
        labels = torch.tensor([self.videos[i].label for i in indices])
        readable = torch.tensor([state == OK for state in states])
        hits = self.hits(scores, labels).items()
        percent = {name: 100.0 / len(indices) * (hit & readable).sum().item() for name, hit in hits}
        return Accuracy(percent, states.count(OK), states.count(FAILED), states.count(MISSING))

    def hits_by_class(self) -> dict[int, tuple[int, int]]:
        """For each class how many of its videos have it as the best, and how many it has; none where labels are pairs.

        Videos that could not be read count as wrong.
        """
        counts: dict[int, tuple[int, int]] = {}
        for video in self.videos.values():
            if isinstance(video.label, int):
                right, total = counts.get(video.label, (0, 0))
                hit = video.status == OK and int(video.scores.argmax()) == video.label
                counts[video.label] = (right + hit, total + 1)
        return dict(sorted(counts.items()))

    def hits(self, scores: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """For each metric, which videos (V,) have it right by their scores (V, C)."""
        return {"top1": is_among_best(scores, labels, 1), "top5": is_among_best(scores, labels, 5)}


class VerbNounScores(VideoScores):
    """Scores (V, verbs + nouns) of videos with a verb and a noun.

    An action is right among k when its verb is among the best k verbs and its noun among the best k nouns; for k = 1
    that is the pair with the largest product of scores.
    """

    def __init__(self, num_verbs: int) -> None:
        super().__init__()
        self.num_verbs = num_verbs

    def hits(self, scores: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Which videos have action, verb and noun right; labels are (V, 2)."""
        verbs, nouns = scores[:, : self.num_verbs], scores[:, self.num_verbs :]
        verb, verb5 = (is_among_best(verbs, labels[:, 0], k) for k in (1, 5))
        noun, noun5 = (is_among_best(nouns, labels[:, 1], k) for k in (1, 5))
        action, action5 = verb & noun, verb5 & noun5
        names = {"top1": action, "top5": action5, "action": action, "verb": verb, "noun": noun}
        return names | {"verb_top5": verb5, "noun_top5": noun5}


def is_among_best(scores: Tensor, labels: Tensor, k: int) -> Tensor:
    """Which videos (V,) have their label among the k best of their scores (V, C)."""
    best = scores.topk(min(k, scores.shape[1])).indices  # (V, k)
    return (best == labels[:, None]).any(1)
