"""Result of `reproduce evaluate` as text."""

from collections.abc import Mapping

from data.errors import escaped
from reproduce.terminal import terminal_width, wrapped

NO_NAMES = "classes are numbers: no names are known; give them with --classes FILE, one a line{}"


def evaluation_text(result: Mapping[str, object], dataset: str | None = None) -> str:
    """Result as text.

    Args:
        dataset: name of the data set whose folder may have the names of the classes; None if there is none.
    """
    videos, metrics = result["videos"], result["metrics"]
    assert isinstance(videos, list)
    views = f"views x crops: {result['views']} x {result['crops']}"
    lines = [f"weights: {result['weights']}", f"{views}; scores: mean {result['score']} over views and crops"]
    best = [entry for video in videos for entry in video["top"]]
    if best and not any(entry["name"] for entry in best):
        folder = "" if dataset is None else f", or with its folder: --data {dataset}=PATH"
        lines.append(NO_NAMES.format(folder))
    lines += ["", *map(video_text, videos), ""]
    counts = f"{result['evaluated']} evaluated, {result['failed']} failed, {result['missing']} missing"
    if isinstance(metrics, dict):
        lines.append(f"{', '.join(f'{name} {value:.1f}' for name, value in metrics.items())} ({counts})")
    else:
        lines.append(f"{counts}; no labels, so no accuracy")
    width = terminal_width()
    return "\n".join(wrapped(line, width, indent=4) for line in lines)


def video_text(video: dict) -> str:
    """Label of a video and its best classes as text. Kinds of label are named if there are several."""
    by_kind: dict[str, list[str]] = {}
    for entry in video["top"]:
        name = entry["class"] if entry["name"] is None else entry["name"]
        by_kind.setdefault(entry["kind"], []).append(f"{name} ({entry['score']:.3f})")
    texts = [", ".join(of_kind) for of_kind in by_kind.values()]
    if len(by_kind) > 1:
        texts = [f"{kind} {text}" for kind, text in zip(by_kind, texts, strict=True)]
    label = video["label"] if video["label_name"] is None else video["label_name"]
    if isinstance(label, dict):
        named = {kind: video["label"][kind] if name is None else name for kind, name in label.items()}
        label = ", ".join(f"{kind} {name}" for kind, name in named.items())
    labelled = "" if label is None else f"label {label}, "
    name = escaped(video["video"])
    if not texts:
        return f"{name}: {labelled}{video['state']}" + (f" ({video['error']})" if "error" in video else "")
    return f"{name}: {labelled}predicted {'; '.join(texts)}"
