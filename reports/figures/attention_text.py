"""Texts about attention maps: the caption of their strip, and their provenance."""

from pathlib import PurePosixPath

from runner.store.attention_files import AttentionMaps


def caption(maps: AttentionMaps) -> str:
    """Caption of a strip: video, class, attention, block, head, and the file of released weights."""
    record = maps.record
    class_text = f" ({record['class']})" if record.get("class") else ""
    lines = [f"{PurePosixPath(record['video']).name}{class_text}", attention_text(record)]
    return "\n".join(lines) + ("" if record["weights"] == "trained" else f", {record['weights']}")


def provenance_text(maps: AttentionMaps) -> str:
    """Provenance of attention maps in one line."""
    record = maps.record
    x, y = record["query"]["x"], record["query"]["y"]
    class_text = f" ({record['class']})" if record.get("class") else ""
    weights = "weights" if record["weights"] == "trained" else f"released weights {record['weights']}"
    return (
        f"video {record['video']}{class_text}, view {record['view']}; query at {x:g},{y:g} of token frame "
        f"{record['patch'][0]}; {attention_text(record)}; {weights} of run {record['train_id']}, "
        f"seed {record['seed']}; commit {record['commit']}, {record['hardware']}"
    )


def attention_text(record: dict) -> str:
    """Name of the attention, if it has one, block and head."""
    name = f"attention {record['attention']}, " if record.get("attention") else ""
    return f"{name}{block_text(record)}, {head_text(record)}"


def block_text(record: dict) -> str:
    """Index of the block, and the range of indices, which starts at 0."""
    if record["num_blocks"] == 1:
        return "the only block"
    return f"block {record['block']} (of 0 to {record['num_blocks'] - 1})"


def head_text(record: dict) -> str:
    """Index of the head and the range of indices, or the number of heads of a mean."""
    if record["head"] is None:
        return f"mean of {record['num_heads']} heads"
    return f"head {record['head']} (of 0 to {record['num_heads'] - 1})"
