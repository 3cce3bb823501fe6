"""Changes of the recipe at scale `tiny`: fewer epochs."""

from experiments.spec.edits import optim

TINY = optim(epochs=3)
