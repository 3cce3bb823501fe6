"""Accuracies that cannot be told from those of guesses, and what is assumed of differences between accuracies."""

import math

from experiments.spec.metrics import ACTION, NOUN, TOP1, VERB, Metric
from runner.store.records import TestRecord

# Assumed share of the test items that exactly one of two models gets right. No printed row states it.
DISCORDANT = 0.15
SEED_DEVIATION = 0.4  # assumed standard deviation of the accuracy of a training over seeds, in points
TAIL = 0.025  # probability outside of the 95 % interval on one side


def near_chance(result: TestRecord, metric: Metric) -> bool:
    """Whether the accuracy of a test cannot be told from that of guessing the commonest class.

    Pairs of a verb and a noun are not counted. None is more frequent than the commonest class of either kind.
    """
    kinds = [
        [support for _, _, support in classes.values()]
        for kind, classes in result.class_counts.items()
        if metric in (TOP1, ACTION) or metric.name == kind
    ]
    if metric == TOP1 and (classes := result.classes):
        kinds = [[count for _, count in classes.values()]]
    if metric not in (TOP1, ACTION, VERB, NOUN) or not kinds:
        return False
    num_items = sum(kinds[0])
    chance = min(max(supports) for supports in kinds) / num_items  # not less than 1 / number of classes
    return chance == 1 or is_near_chance(round(result.metrics[metric.name] * num_items / 100), num_items, chance)


def is_near_chance(correct: int, num_items: int, chance: float) -> bool:
    """Whether the exact 95 % binomial interval of an accuracy does not exceed that of guesses, `chance` below 1."""
    logs = (
        math.lgamma(num_items + 1) - math.lgamma(k + 1) - math.lgamma(num_items - k + 1)
        + k * math.log(chance) + (num_items - k) * math.log1p(-chance)
        for k in range(correct, num_items + 1)
    )  # fmt: skip
    return math.fsum(map(math.exp, logs)) > TAIL
