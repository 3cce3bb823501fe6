"""Picture at the top of the README: printed numbers beside ours, and models' speed beside the published form.

`python -m reports.overview` draws `docs/overview.png` again, of the committed results. It takes some minutes.
"""

import json
import statistics
from pathlib import Path

from experiments.spec.catalog import captions, find
from experiments.spec.scales import PAPER
from reports.collect import collect
from reports.figures.drawer import COLOURS, MARKERS, empty_figure, save
from reports.index import is_counted
from reports.pages.markup import ROOT
from runner.store.store import RunStore

MEASURED = {"CPU": "*cpu-2-cores.json", "H100 in bfloat16": "h100-bf16.json"}  # files of each device
PICTURE, BENCHMARKS = ROOT / "docs" / "overview.png", ROOT / "benchmarks" / "results"
Numbers = dict[str, list[tuple[float, float]]]


def numbers() -> Numbers:
    """Pairs of printed and own values that need no training, of each paper."""
    found: Numbers = {}
    store = RunStore(ROOT / "reports" / "results")
    for table, _ in find(captions()):
        for cell in collect(table, PAPER, store).cells:
            if is_counted(cell) and isinstance(cell.value, int | float) and isinstance(cell.printed, int | float):
                found.setdefault(table.paper, []).append((float(cell.printed), float(cell.value)))
    return found


def speeds() -> dict[str, dict[str, float]]:
    """How many times as fast as the published formulation each model is, by what was timed."""
    found: dict[str, dict[str, float]] = {}
    for device, files in MEASURED.items():
        contents = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(BENCHMARKS.glob(files))]
        for pair in (pair for content in contents for pair in content["pairs"]):
            model, *parts = pair["name"].split(", ")
            if model.isalnum() and len(parts) == 1:  # parts of models, and other models, have longer names
                ratios = (theirs / ours for theirs, ours in zip(pair["published"], pair["ours"], strict=True))
                found.setdefault(f"{parts[0]}, {device}", {})[model] = pair.get("ratio") or statistics.median(ratios)
    return found


def draw(found: Numbers, ratios: dict[str, dict[str, float]], path: Path) -> None:
    figure = empty_figure(9, 4.2, None)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    values = [value for pairs in found.values() for pair in pairs for value in pair if value > 0]
    left.plot([min(values), max(values)], [min(values), max(values)], color="0.8", zorder=0)
    for (paper, pairs), colour, marker in zip(found.items(), COLOURS, MARKERS, strict=False):
        label = f"{paper} ({len(pairs)})"
        left.scatter(*zip(*pairs, strict=True), s=16, color=colour, marker=marker, alpha=0.7, label=label)
    left.set(xscale="log", yscale="log", xlabel="printed", ylabel="ours")
    left.set_title("GFLOPs, parameters, settings beside the print", fontsize=10)
    left.legend(fontsize=7, frameon=False)
    models = sorted({model for of_models in ratios.values() for model in of_models}, key=str.lower)
    thickness = 0.84 / len(ratios)
    for index, (kind, of_models) in enumerate(sorted(ratios.items())):
        places = [models.index(model) + (index + 0.5) * thickness - 0.42 for model in of_models]
        bars = right.barh(places, list(of_models.values()), 0.9 * thickness, color=COLOURS[index], label=kind)
        right.bar_label(bars, fmt="%.1f", fontsize=7, padding=2)
    right.axvline(1, color="0.3", linewidth=0.8)
    right.set_yticks(range(len(models)), models)
    right.invert_yaxis()
    right.set_xlabel("times as fast as the published form, equal outputs")
    right.set_title("Same function, less work", fontsize=10)
    right.legend(fontsize=7, frameon=False, loc="lower right")
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    save(figure, path)


if __name__ == "__main__":
    draw(numbers(), speeds(), PICTURE)
