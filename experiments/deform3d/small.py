"""The 3D deformable transformer at the scale `small`: its own model and data, whose recipe is ours, with fewer epochs."""

from experiments.spec.scaling import recipe

SMALL = recipe({"penn-action": 100, "gym99": 19, "ntu60": 19, "ntu120": 19})
