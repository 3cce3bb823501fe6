"""Smaller models on real data: their size, differences of rows that show, published networks, rows without motion."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch

from experiments.spec.metrics import ACCURACIES
from experiments.spec.run import RunConfig
from reports.pages.chance import DISCORDANT, SEED_DEVIATION
from reports.pages.report import Report, ReportCell, SeedResult
from reports.pages.table_texts import cell_name
from runner.measure.computed_values import computed
from runner.measure.device_time import flops, work

FOUND = 1.96 + 0.84  # standard deviations of a difference that is found at a level of 5 % with a power of 80 %

MOTION = "ssv2"  # data set whose classes are motions

# A model mixes frames if the effects of two halves of a clip do not add up, by so much of them.
INTERACTION = 1e-4


def with_facts(report: Report) -> Report:
    """The report with what is said of smaller models: sentences above its table, and notes on published networks."""
    sentences, notes = [sizes_text(report)], list(report.facts.notes)
    for run, cells in by_data(report):
        dataset, num_classes = run.data.dataset, run.data.targets.num_outputs
        tests = [one.test.record.videos.evaluated for cell in cells for one in cell.seeds if one.test is not None]
        if (num_test := max(tests, default=dataset.official_size("test"))) is not None:
            sentences.append(f"{dataset.name}: {difference_text(cells, num_test, len(report.seeds))}.")
        # Networks that others trained on as many videos.
        if (found := dataset.published.get(dataset.official_size("train") or 0)) is None:
            continue
        frame_wise, temporal, epochs = found
        low = [cell for cell in cells if isinstance(cell.value, float) and cell.value <= frame_wise]
        if dataset.name == MOTION and (mixing := [cell for cell in low if mixes(cell)]):
            names = "; ".join(cell_name(report.table, cell.row, cell.column) for cell in mixing)
            sentences.append(f"No better than without motion ({frame_wise}): {names}.")
        notes.append(
            f"Published on these {num_classes} classes of {dataset.name}: ResNet-50 without a temporal module "
            f"{frame_wise}, with one (TAM) {temporal}. They have 8 frames of 224 pixels, weights of ImageNet and "
            f"{epochs} epochs."
        )
    facts = replace(report.facts, of_small_models=" ".join(filter(None, sentences)), notes=tuple(notes))
    return replace(report, facts=facts)


def sizes_text(report: Report) -> str:
    """Sentence on the numbers of items of each data set and on the compute; empty without tested cells.

    Numbers are those of the results or, without any, those of the complete data.
    """
    cells = [cell for cell in report.cells if cell.cell.tested and cell.seeds]
    results: dict[str, list[SeedResult]] = {}
    for cell in cells:
        results.setdefault(cell.seeds[0].run.data.dataset.name, []).extend(cell.seeds)
    pairs = {(cell.cell.run, cell.cell.paper_run): None for cell in cells}
    shares = [compute_share(run, paper) for run, paper in pairs if run is not None and paper is not None]
    parts = [text for name, found in results.items() if (text := items_text(name, found, report.facts.unit))]
    if known := [share for share in shares if share is not None]:
        texts = (f"{100 * share:#.2g}" if share < 0.1 else f"{100 * share:.0f}" for share in sorted(known))
        parts.append(f"{range_text(texts)} % of the paper's training compute")
    head = "" if report.facts.generated else "Real data: "
    return f"{head}{'; '.join(parts)}." if parts else ""


def items_text(name: str, results: list[SeedResult], unit: str) -> str:
    """Numbers of test and training items of a data set; empty if they are unknown."""
    dataset = results[0].run.data.dataset
    records = [result.test.record for result in results if result.test is not None]
    tests = [record.videos.total for record in records] or [dataset.official_size("test")]
    splits = [record.data.train.items for record in records if record.data.train is not None]
    known = {
        "test": [number for number in tests if number is not None],
        "training": splits or [size for size in [dataset.official_size("train")] if size is not None],
    }
    counts = [f"{range_text(f'{n:,}' for n in sorted(several))} {kind}" for kind, several in known.items() if several]
    return f"{name} ({dataset.targets.num_outputs} classes) {' and '.join(counts)} {unit}" if counts else ""


def compute_share(run: RunConfig, paper_run: RunConfig) -> float | None:
    """Training compute of a run in that of the paper's run, without their parents; None if either is unknown or 0."""
    small, paper = training_flops(run), training_flops(paper_run)
    return small / paper if small and paper else None


def training_flops(run: RunConfig) -> float:
    """Operations of a training on the complete data; 0 if it is unknown or there is none."""
    size = run.data.dataset.official_size("train")
    return flops(run, work(run, size, 0, trains=True)) if size and run.optim is not None else 0.0


def range_text(texts: Iterable[str]) -> str:
    """The first and the last of sorted numbers."""
    first, *others = dict.fromkeys(texts)
    return f"{first} to {others[-1]}" if others else first


def by_data(report: Report) -> list[tuple[RunConfig, list[ReportCell]]]:
    """Tested accuracies by data set, with a run on it; without generated data and those of the user's own."""
    found: dict[object, tuple[RunConfig, list[ReportCell]]] = {}
    for cell in report.cells:
        if cell.num_requested and cell.metric in ACCURACIES and (run := cell.cell.run) is not None:
            dataset = run.data.dataset
            if not dataset.reads_stand_in and dataset.own_folder is None:
                found.setdefault(dataset, (run, []))[1].append(cell)
    return list(found.values())


def difference_text(cells: Sequence[ReportCell], num_test: int, num_seeds: int) -> str:
    """Words on the smallest difference between two rows that is found with a power of 80 %, and with more seeds."""
    stds = [cell.std for cell in cells if cell.std is not None]
    deviation = math.sqrt(statistics.fmean(std**2 for std in stds)) if stds else SEED_DEVIATION

    def least(seeds: int) -> str:
        return f"{FOUND * math.hypot(100 * math.sqrt(DISCORDANT / num_test), deviation * math.sqrt(2 / seeds)):.1f}"

    source = "measured" if stds else "assumed"
    return (
        f"with {num_seeds} seed{'s' * (num_seeds > 1)}, rows that differ by {least(num_seeds)} points are told apart; "
        f"with {num_seeds + 2}, by {least(num_seeds + 2)} (trainings deviate by {deviation:.1f}, {source})"
    )


def mixes(cell: ReportCell) -> bool:
    assert cell.cell.run is not None
    return computed("interaction of frames", interaction, cell.cell.run) > INTERACTION


@torch.no_grad()
def interaction(run: RunConfig) -> float:
    """How far the effects of the two halves of a clip on the logits are from adding up, of their joint effect.

    The weights are random, also those that start at zero.
    """
    torch.manual_seed(0)
    model = run.model.build(run.data.size, run.data.targets).eval()
    for parameter in model.parameters():
        parameter.add_(0.02 * torch.randn_like(parameter))
    one, other = (run.data.size.example(1)[0] for _ in range(2))  # (1, T, 3, H, W)
    half = one.shape[1] // 2
    clips = [torch.cat([first[:, :half], last[:, half:]], dim=1) for first in (one, other) for last in (one, other)]
    neither, last, first, both = model(torch.cat(clips)).double()
    return float((neither - last - first + both).norm() / (both - neither).norm())
