"""Markdown of a record: a table of its pairs, their conditions and missed targets."""

import statistics
from collections.abc import Callable, Iterable

from tabulate import tabulate

from benchmarks.growth import growth
from benchmarks.record import Conditions, Record
from benchmarks.timing import WARM_UP, Pair, seconds_of, system_share

# A column without values is omitted.
COLUMNS: dict[str, Callable[[Pair], str]] = {
    "what": lambda pair: pair.name,
    "precision": lambda pair: pair.precision,
    "published": lambda pair: duration(seconds_of(pair.published)),
    "ours": lambda pair: duration(seconds_of(pair.ours)),
    "ratio": lambda pair: f"{pair.ratio:.2f}",
    "turns": lambda pair: turns_text(pair),
    "aim": lambda pair: aim_text(pair),
    "bound": lambda pair: f"{pair.bound:.2f}" if pair.bound else "",
    "system": lambda pair: " / ".join(f"{share:.0%}" for share in system_shares(pair)),
    "user ratio": lambda pair: f"{user_ratio(pair):.2f}" if system_shares(pair) else "",
    "memory, GB": lambda pair: " / ".join(f"{size / 1e9:.2f}" for size in memory(pair)),
    "clips/s": lambda pair: f"{pair.clips / seconds_of(pair.ours):.2f}" if pair.clips else "",
    "by FLOPs": lambda pair: f"{pair.clips / pair.ours_by_flops:.2f}" if pair.ours_by_flops else "",
    "saved, GB": lambda pair: " / ".join(f"{size / 1e9:.3f}" for size in saved(pair)),
    "difference": lambda pair: "" if pair.difference is None else f"{pair.difference:.0e}" if pair.difference else "0",
}
LEGEND = {
    "turns": "the least and the greatest ratio of a turn, and how many there are; the ratio is their median.",
    "bound": "the ratio, were all multiply-adds of ours as fast as those of one large matrix product.",
    "system": "share of the CPU time, published and ours, that the operating system took. It hands out fresh pages for "
    "every tensor that is too large for the allocator to keep, such as an attention map.",
    "user ratio": "the ratio without that share: what is left where an allocator keeps large tensors.",
    "memory, GB": "peak of what tensors take, published and ours, weights and the optimiser's state included.",
    "by FLOPs": "clips/s of ours at the rate of one large matrix product.",
    "saved, GB": "what a clip saves for the backward pass in float32, published and ours, weights excluded.",
    "difference": "largest between the logits; of a selection, the share of choices that differ.",
}


def table(pairs: Iterable[Pair]) -> str:
    """Markdown table of pairs."""
    rows = [{header: text(pair) for header, text in COLUMNS.items()} for pair in pairs]
    shown = [header for header in COLUMNS if any(row[header] for row in rows)]
    lines = [[row[header] for header in shown] for row in rows]
    align = ["left" if header in ("what", "precision") else "right" for header in shown]
    return tabulate(lines, shown, tablefmt="pipe", disable_numparse=True, colalign=align if lines else None)


def markdown(record: Record) -> str:
    """Content of the Markdown file of a record."""
    pairs_table = table(record.pairs)
    legend = [f"- {header}: {meaning}" for header, meaning in LEGEND.items() if f" {header} |" in pairs_table]
    missed = [missed_text(pair) for pair in record.pairs if pair.missed]
    fitted = growth(record.pairs)
    parts = [
        "# Ours against the published formulation",
        f"Written by `python -m benchmarks`; `--render` writes it again.\n{conditions_text(record.conditions)}",
        pairs_table,
        "\n".join(legend),
        "\n".join(["Growth with the number N of tokens, fitted to all lengths:", "", *fitted] if fitted else []),
        "\n".join(["Missed:", "", *missed] if missed else []),
        provenance_text(record),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def conditions_text(conditions: Conditions) -> str:
    """Conditions of a record, in sentences."""
    sizes = conditions.sizes
    threads = f"{conditions.threads} thread" + "s" * (conditions.threads > 1)
    timed = f"CPU time of {threads}" if conditions.device == "cpu" else "time until the device has finished"
    environment = ", ".join(f"{name}={value}" for name, value in conditions.environment.items())
    return (
        f"{conditions.hardware}; {timed}; medians of turns, {sizes['repeats']} a process after {WARM_UP} that does "
        f"not count.\n"
        f"Depth {sizes['depth']}, width {sizes['width']}, {sizes['heads']} heads, {sizes['clips']} clip(s) of "
        f"{sizes['frames']} frames at {sizes['crop']}; same weights, same clips."
        + (f"\nEnvironment: {environment}." if environment else "")
    )


def provenance_text(record: Record) -> str:
    """Versions, commits, days and load averages of a record."""
    measurements = list(record.measurements.values())
    versions = ", ".join(f"{name} {version}" for name, version in record.conditions.versions.items())
    if not measurements:
        return f"Versions: {versions}."
    commits = ", ".join(dict.fromkeys(one.commit for one in measurements))
    loads = [one.load_average for one in measurements]
    days = ", ".join(dict.fromkeys(one.date[:10] for one in measurements))
    return (
        f"Commit {commits}; {days}; load average {min(loads):.1f} – {max(loads):.1f}, these benchmarks included.\n"
        f"Versions: {versions}."
    )


def summary(pair: Pair) -> str:
    """One-line summary of a pair."""
    aim = f", aim {aim_text(pair)}" if pair.aim else ""
    return f"{pair.name}, {pair.precision}: {pair.ratio:.2f} ({turns_text(pair)}){aim}"


def missed_text(pair: Pair) -> str:
    """One line about a missed target."""
    bound = f", bound {pair.bound:.2f}" if pair.bound else ""
    return f"- {pair.name}, {pair.precision}: aim {pair.aim:.2f}, measured {pair.ratio:.2f}{bound}"


def aim_text(pair: Pair) -> str:
    """Target ratio, and whether it was missed."""
    return "" if pair.aim is None else f"{pair.aim:.2f}" + ", missed" * pair.missed


def turns_text(pair: Pair) -> str:
    """Smallest and largest ratio of the turns, and their number."""
    return f"{min(pair.ratios):.2f} – {max(pair.ratios):.2f} in {len(pair.ratios)}"


def duration(seconds: float) -> str:
    """Duration in seconds, or in milliseconds below one second."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.1f} ms"


def system_shares(pair: Pair) -> list[float]:
    """Fractions of CPU time in the operating system, published and ours; empty if not measured."""
    return [share for turns in (pair.published, pair.ours) if (share := system_share(turns)) is not None]


def user_ratio(pair: Pair) -> float:
    """Median ratio of the turns without CPU time in the operating system."""
    published, ours = ([turn.seconds - (turn.system or 0) for turn in turns] for turns in (pair.published, pair.ours))
    return statistics.median(theirs / max(own, 1e-9) for theirs, own in zip(published, ours, strict=True))


def saved(pair: Pair) -> list[int]:
    """Bytes saved for the backward pass by published and ours; empty if not counted."""
    return [size for size in (pair.published_saved, pair.ours_saved) if size is not None]


def memory(pair: Pair) -> list[int]:
    """Peak bytes of published and ours; empty if not measured."""
    return [size for size in (pair.published_memory, pair.ours_memory) if size is not None]
