"""Sizes of smaller runs on given data: test and training videos, and the share of the paper's training compute."""

from collections.abc import Iterable

from experiments.spec.run import RunConfig
from reports.pages.report import Report, SeedResult
from runner.measure.device_time import flops, work


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
