"""What was measured, as a table and the sentences under it."""

import statistics
from collections.abc import Callable, Iterable

from tabulate import tabulate

from benchmarks.record import Conditions, Record
from benchmarks.timing import WARM_UP, Pair, seconds_of, system_share

# A column that no pair has anything for is left out.
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
    "difference": lambda pair: f"{pair.difference:.0e}" if pair.difference else "0",
}
LEGEND = {
    "turns": "the least and the greatest ratio of a turn, and how many there are; the ratio is their median.",
    "bound": "the ratio, were all multiply-adds of ours as fast as those of one large matrix product.",
    "system": "share of the CPU time, published and ours, that the operating system took. It hands out fresh pages for "
    "every tensor that is too large for the allocator to keep, such as an attention map.",
    "user ratio": "the ratio without that share: what is left where an allocator keeps large tensors.",
    "memory, GB": "peak of what tensors take, published and ours, weights and the optimiser's state included.",
    "by FLOPs": "clips/s of ours at the rate of one large matrix product.",
    "difference": "largest between the logits; of a selection, the share of choices that differ.",
}


def table(pairs: Iterable[Pair]) -> str:
    """The pairs as a Markdown table."""
    rows = [{header: text(pair) for header, text in COLUMNS.items()} for pair in pairs]
    shown = [header for header in COLUMNS if any(row[header] for row in rows)]
    lines = [[row[header] for header in shown] for row in rows]
    align = ["left" if header in ("what", "precision") else "right" for header in shown]
    return tabulate(lines, shown, tablefmt="pipe", disable_numparse=True, colalign=align if lines else None)


def markdown(record: Record) -> str:
    """A record as the file that is kept beside it."""
    drawn = table(record.pairs)
    legend = [f"- {header}: {meaning}" for header, meaning in LEGEND.items() if f" {header} |" in drawn]
    missed = [missed_text(pair) for pair in record.pairs if pair.missed]
    parts = [
        "# Ours against the published formulation",
        f"Written by `python -m benchmarks`; `--render` writes it again.\n{conditions_text(record.conditions)}",
        drawn,
        "\n".join(legend),
        "\n".join(["Missed:", "", *missed] if missed else []),
        provenance_text(record),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def conditions_text(conditions: Conditions) -> str:
    """Under what was measured, in sentences."""
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
    """Versions, commits, days and load."""
    measured = list(record.measured.values())
    versions = ", ".join(f"{name} {version}" for name, version in record.conditions.versions.items())
    if not measured:
        return f"Versions: {versions}."
    commits = ", ".join(dict.fromkeys(one.commit for one in measured))
    loads = [one.load_average for one in measured]
    days = ", ".join(dict.fromkeys(one.date[:10] for one in measured))
    return (
        f"Commit {commits}; {days}; load average {min(loads):.1f} – {max(loads):.1f}, these benchmarks included.\n"
        f"Versions: {versions}."
    )


def summary(pair: Pair) -> str:
    """A pair in one line."""
    aim = f", aim {aim_text(pair)}" if pair.aim else ""
    return f"{pair.name}, {pair.precision}: {pair.ratio:.2f} ({turns_text(pair)}){aim}"


def missed_text(pair: Pair) -> str:
    """An aim that was missed, in one line."""
    bound = f", bound {pair.bound:.2f}" if pair.bound else ""
    return f"- {pair.name}, {pair.precision}: aim {pair.aim:.2f}, measured {pair.ratio:.2f}{bound}"


def aim_text(pair: Pair) -> str:
    """What was aimed at, and whether it was missed."""
    return "" if pair.aim is None else f"{pair.aim:.2f}" + ", missed" * pair.missed


def turns_text(pair: Pair) -> str:
    """The least and the greatest ratio of a turn, and how many there are."""
    return f"{min(pair.ratios):.2f} – {max(pair.ratios):.2f} in {len(pair.ratios)}"


def duration(seconds: float) -> str:
    """Seconds from one on, milliseconds below."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.1f} ms"


def system_shares(pair: Pair) -> list[float]:
    """The operating system's share of published and ours; empty where it was not measured."""
    return [share for turns in (pair.published, pair.ours) if (share := system_share(turns)) is not None]


def user_ratio(pair: Pair) -> float:
    """The ratio without the operating system's share, the median of the turns."""
    published, ours = ([turn.seconds - (turn.system or 0) for turn in turns] for turns in (pair.published, pair.ours))
    return statistics.median(theirs / max(own, 1e-9) for theirs, own in zip(published, ours, strict=True))


def memory(pair: Pair) -> list[int]:
    """Bytes of published and ours; empty where they were not measured."""
    return [size for size in (pair.published_memory, pair.ours_memory) if size is not None]
