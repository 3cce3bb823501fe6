"""Changes of the recipe at scale `tiny`: fewer epochs."""

from experiments.spec.edits import optim
from experiments.spec.scales import Recipe

TINY = Recipe(edits=optim(epochs=3))
