"""What the scale `tiny` changes in the recipe: fewer epochs."""

from experiments.spec.edits import optim

TINY = optim(epochs=3)
