"""Released checkpoints of CAST: names of their tensors, and loading.

Layouts of tensors equal ours, except for missing leading dimensions of size 1.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from torch import nn

from models.cast.clip_expert import ClipExpert, check_positions
from models.cast.key_map import CLIP_NAMES, reshaped, without_prefix
from models.checkpoints import LoadReport, fill, read_released
from models.image_vit import TIMM_NAMES, renamed

PREFIXES = ("backbone.", "encoder.")
ADAPTER_LAYERS = ((r"\.down\.", ".D_fc1."), (r"\.up\.", ".D_fc2."))
# Patterns of names of other parts, and their replacements in released files.
SPATIAL_ADAPTERS = (
    (r"^attention_adapters\.(\d+)\.", r"blocks.\1.S_Adapter."),
    (r"^mlp_adapters\.(\d+)\.", r"blocks.\1.S_MLP_Adapter."),
    *ADAPTER_LAYERS,
)
TEMPORAL_ADAPTERS = (
    (r"^attention_adapters\.(\d+)\.", r"blocks.\1.T_Adapter."),
    (r"^mlp_adapters\.(\d+)\.", r"blocks.\1.T_MLP_Adapter."),
    *ADAPTER_LAYERS,
)
EXCHANGE = (
    (r"^(\d+)\.(down|up)_([st])\.", r"blocks.\1.cross_\3_\2."),
    (r"^(\d+)\.norm_([st])\.", r"blocks.\1.ln_\2_cross."),
    (r"^(\d+)\.t2s\.query_positions\.time$", r"blocks.\1.t2s_cross.clip_time_pos"),
    (r"^(\d+)\.t2s\.key_positions\.time$", r"blocks.\1.t2s_cross.vmae_time_pos"),
    (r"^(\d+)\.s2t\.query_positions\.space$", r"blocks.\1.s2t_cross.vmae_space_pos"),
    (r"^(\d+)\.s2t\.key_positions\.space$", r"blocks.\1.s2t_cross.clip_space_pos"),
    (r"^(\d+)\.(t2s|s2t)\.(q|kv)\.weight$", r"blocks.\1.\2_cross.\2_\3.weight"),
    (r"^(\d+)\.(t2s|s2t)\.(q|kv)\.bias$", r"blocks.\1.\2_cross.\2_\3_bias"),
    (r"^(\d+)\.(t2s|s2t)\.proj\.", r"blocks.\1.\2_cross.t2s_proj."),  # of this name in both attentions
)
HEAD = (
    (r"^spatial_adapter\.", "noun_last_Adapter."),
    (r"^temporal_adapter\.", "verb_last_Adapter."),
    (r"^classifier\.", "head."),
    (r"^(verb|noun)\.", r"head_\1."),
    *ADAPTER_LAYERS,
)


def released_names(names: Iterable[str]) -> dict[str, str]:
    """Names in released files of the tensors of CAST, by their names in the model."""
    return {name: released_name(name) for name in names}


def released_name(name: str) -> str:
    """Name in released files of a tensor of CAST."""
    part, _, rest = name.partition(".")
    match part:
        case "spatial" if rest.startswith("expert.vit."):
            clip = renamed_once(rest.removeprefix("expert.vit."), CLIP_NAMES)
            block = re.fullmatch(r"transformer\.resblocks\.(\d+)\.(.*)", clip)
            return f"blocks.{block[1]}.clip_{block[2]}" if block else f"clip_{clip}"
        case "temporal" if rest.startswith("expert.vit."):
            rules = (*TIMM_NAMES, (r"^norm\.", "vmae_fc_norm."))
            return renamed_once(rest.removeprefix("expert.vit."), rules)
        case "spatial":
            return renamed_once(rest, SPATIAL_ADAPTERS)
        case "temporal":
            return renamed_once(rest, TEMPORAL_ADAPTERS)
        case "exchanges":
            return renamed_once(rest, EXCHANGE)
    return renamed_once(rest, HEAD)


def renamed_once(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    """Name after all replacements."""
    return renamed([name], rules)[name]


def load_classifier(model: nn.Module, expert: nn.Module, path: Path) -> LoadReport:
    """Load a fine-tuned classifier of VideoMAE or MVD into an expert alone.

    Args:
        expert: the expert of the model.

    Raises:
        ValueError: for a damaged file, or keys without a counterpart.
    """
    assert isinstance(expert, ClipExpert)
    released = read_released(path)
    check_positions(expert, released.tensors, path)
    rules = ((r"^stream\.expert\.vit\.", ""), *TIMM_NAMES, (r"^norm\.", "fc_norm."))
    names = renamed(model.state_dict(), rules)
    report = fill(model, released.tensors, names, source=path.name, known_unexpected=("pos_embed",))
    return replace(report, settings=released.settings, remarks=released.remarks)


def load_cast(model: nn.Module, path: Path) -> LoadReport:
    """Load a released checkpoint of CAST, which also contains the frozen experts.

    Raises:
        ValueError: for a damaged file, or keys without a counterpart.
    """
    released = read_released(path)
    tensors = released.tensors
    for prefix in PREFIXES:
        tensors = without_prefix(tensors, prefix)
    names = released_names(model.state_dict())
    wanted = {names[name]: tensor for name, tensor in model.state_dict().items()}
    report = fill(model, tensors, names, source=path.name, converted=reshaped(tensors, wanted))
    return replace(report, settings=released.settings, remarks=released.remarks)
