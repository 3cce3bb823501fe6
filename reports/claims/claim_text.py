"""Verdicts on claims as lines of text and as JSON."""

from collections.abc import Iterable, Sequence

from experiments.spec.claims import Comparison
from reports.claims.resampling import RESAMPLES
from reports.claims.verdicts import JudgedClaim, Judgement
from reports.pages.markup import Markdown
from reports.pages.report import Report

DASH, MINUS = "–", "−"
HEADERS = ("claim", "comparison", "printed margin", "printed verdict", "our margin", "95 % interval", "our verdict")


def lines(claims: Iterable[JudgedClaim]) -> list[tuple[str, ...]]:
    """Cells under `HEADERS`, one line per comparison. The claim stands in its first line."""
    return [
        (
            f"{claim.key}, {claim.place}: {claim.text}" if index == 0 else "",
            str(judgement.comparison),
            margins_text(judgement.comparison, judgement.printed_margins),
            judgement.printed,
            margins_text(judgement.comparison, judgement.margins),
            interval_text(judgement),
            verdict_text(judgement),
        )
        for claim, judgements in claims
        for index, judgement in enumerate(judgements)
    ]


def margins_text(comparison: Comparison, margins: tuple[float, ...]) -> str:
    """Numbers of a comparison, with a sign if they are differences; for a trend, its steps."""
    return ", ".join(number_text(margin, signed=comparison.is_signed) for margin in margins) or DASH


def number_text(number: float, *, signed: bool) -> str:
    """Number with at most two decimals; with four, if it would be rounded to a whole one, which a bound may be."""
    text = f"{number:.4f}" if f"{number:.2f}".endswith("00") else f"{number:.2f}"
    text = text.rstrip("0").rstrip(".").replace("-", MINUS)
    return f"+{text}" if signed and number > 0 and text != "0" else "0" if text == f"{MINUS}0" else text


def interval_text(judgement: Judgement) -> str:
    """Interval of a margin. That of a trend of several steps is about its whole change."""
    if judgement.interval is None:
        return DASH
    low, high = judgement.interval
    total = f"(in all {number_text(sum(judgement.margins), signed=True)}) " if len(judgement.margins) > 1 else ""
    return total + f"[{low:.2f}, {high:.2f}]".replace("-", MINUS)


def verdict_text(judgement: Judgement) -> str:
    """Verdict on the values measured here, with the reason if another than the interval leaves it open."""
    if judgement.verdict in ("not judged", "never"):
        return f"{judgement.verdict}: {judgement.reason}"
    return judgement.verdict + (f" ({judgement.reason})" if judgement.reason else "")


def caution(overrides: Iterable[str]) -> str:
    """Sentence on what verdicts on overridden runs do not judge; empty without overrides."""
    changes = ", ".join(overrides)
    return f"Our verdicts are on other runs and models than those of the table: {changes}." if changes else ""


def method(claims: tuple[JudgedClaim, ...], unit: str) -> list[str]:
    """Sentences on how claims are judged, with the plural noun for the items of the data sets."""
    judgements = [judgement for _, several in claims for judgement in several]
    found = [
        "Comparisons name cells as row.column, by their keys in `reproduce show`.",
        f"Printed numbers: noise means that a comparison holds within the sampling error of the official test {unit}, "
        f"if exactly one of two models is right on 15 % of them, as is assumed here.",
    ]
    if any(judgement.interval is not None and not judgement.items for judgement in judgements):
        found.append("Intervals of times reach from the smallest to the largest value that their repeats allow.")
    if resamples := resamples_text(judgements, unit):
        seeds, num_joint = most_seeds(judgements), sum(judgement.is_joint for judgement in judgements)
        found.append(
            f"Our intervals: {resamples}. Verdicts hold jointly for {num_joint} "
            f"comparison{'' if num_joint == 1 else 's'} (Holm)."
            + ("" if seeds > 1 else " With one seed, they hold for these trained models, not for their training.")
        )
    return found


def resamples_text(judgements: Sequence[Judgement], unit: str) -> str:
    """What the intervals are computed from; empty without any."""
    if not (items := dict(pair for judgement in judgements for pair in judgement.items)):
        return ""
    sets = ", ".join(f"{name} {count:,}" for name, count in sorted(items.items()))
    seeds = most_seeds(judgements)
    of_seeds = f" and of {seeds} seeds" if seeds > 1 else ""
    return f"{RESAMPLES:,} paired resamples of the test {unit} ({sets}){of_seeds}"


def most_seeds(judgements: Sequence[Judgement]) -> int:
    return max(judgement.num_seeds for judgement in judgements)


def claims_text(report: Report, claims: tuple[JudgedClaim, ...], markup: Markdown) -> str:
    """Part of a page: verdicts on what the paper concludes from the table."""
    cells = [
        [markup.escaped(claim), f"`{comparison}`", *map(markup.escaped, others)]
        for claim, comparison, *others in lines(claims)
    ]
    parts = [
        markup.heading(2, "What the paper concludes"),
        markup.table([HEADERS], cells),
        markup.paragraph(caution(report.overrides)),
        markup.folded("How claims are judged", " ".join(method(claims, report.facts.unit))),
    ]
    return "\n\n".join(filter(None, parts))


def as_json(claims: Iterable[JudgedClaim]) -> list[dict[str, object]]:
    return [
        {
            "claim": claim.key,
            "place": claim.place,
            "text": claim.text,
            "real_data": claim.real_data,
            "comparisons": [
                {
                    "comparison": str(one.comparison),
                    "printed": {"margins": one.printed_margins, "verdict": one.printed},
                    "ours": {
                        "margins": one.margins,
                        "interval": one.interval,
                        "items": dict(one.items),
                        "seeds": one.num_seeds,
                        "verdict": one.verdict,
                        "reason": one.reason,
                    },
                }
                for one in judgements
            ],
        }
        for claim, judgements in claims
    ]
