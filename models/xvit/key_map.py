"""Names and formats of the tensors in X-ViT's released files.

Follows https://github.com/1adrianb/video-transformers. T frames, D width.
"""

from collections.abc import Iterable, Mapping

from torch import Tensor

from models.checkpoints import Converted
from models.image_vit import TIMM_NAMES, renamed

TIME = "base_model.temp_embed"
# The classifier of single frames, which models with a temporal attention head contain and neither train nor use.
UNUSED = ("new_fc.*",)
HEAD_RULES = (
    (r"^head\.cls$", "consensus.cls_token"),
    (r"^head\.blocks\.", "consensus.temporal_encoder."),
    (r"^head\.norm\.", "consensus.mlp_head.0."),
    (r"^head\.hidden\.", "consensus.mlp_head.1."),
)


def released_names(names: Iterable[str]) -> dict[str, str]:
    """Names in released files of the tensors of an X-ViT, by their names in the model."""
    names = tuple(names)
    attends = "head.hidden.weight" in names  # to the frames; otherwise the head is the classifier of single frames
    classifier = (r"^head\.classifier\.", "consensus.mlp_head.4." if attends else "new_fc.")
    rules = (
        classifier,
        *HEAD_RULES,
        *TIMM_NAMES,
        (r"^positions\.time$", "temp_embed"),
        (r"^(?!consensus\.|new_fc\.)", "base_model."),
    )
    return renamed(names, rules)


def converted_tensors(source: Mapping[str, Tensor]) -> dict[str, Converted]:
    """Positions in time (1, T, D), which released files contain as (1, T, 1, D)."""
    time = source.get(TIME)
    return {} if time is None or time.dim() != 4 else {TIME: Converted(time.squeeze(2), (TIME,))}
