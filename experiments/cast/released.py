"""The three released CAST checkpoints (https://github.com/KHU-VLL/CAST) and their rows.

The README links to folders that DeepSpeed wrote, whose files share one name. They state no settings.
"""

from experiments.spec.released import ReleasedFile, ReleasedWeights

# fmt: off
FILES = (
    ReleasedFile("mp_rank_00_model_states", "cast/table9:cast",  "action"),
    ReleasedFile("mp_rank_00_model_states", "cast/table10:cast", "top1"),
    ReleasedFile("mp_rank_00_model_states", "cast/table11:cast", "top1"),
)
# fmt: on

RELEASED = ReleasedWeights(files=FILES, location="https://github.com/KHU-VLL/CAST", suffix=".pt", linked=True)
