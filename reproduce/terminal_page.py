"""Page of a report in a terminal: in its width and its styles, with the number of verdicts in place of the claims."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.pages import page
from reports.pages.markup import Unlinked
from reports.pages.report import Report, ReportCell
from reports.pages.table_texts import notice, ours_text, printed_text
from reports.saved import JudgedReport
from reproduce import options as of_verbs
from reproduce.next_command import next_command
from reproduce.terminal import table_text, wrapped

if TYPE_CHECKING:
    from reports.claims.verdicts import JudgedClaim


AS_PRINTED = "(=)"


class Terminal(Unlinked):
    """Page in the width of a terminal, with its styles."""

    BOLD, ITALIC, UNDERLINED = "\x1b[1m{}\x1b[22m", "\x1b[3m{}\x1b[23m", "\x1b[4m{}\x1b[24m"

    def escaped(self, text: str) -> str:
        return text

    def code(self, sign: str) -> str:
        return sign

    def cell(self, cell: ReportCell) -> str:
        """Cell. A text that equals the printed one is shown once."""
        return f"{ours_text(cell)} {AS_PRINTED}" if _is_as_printed(cell) else super().cell(cell)

    def legend(self, report: Report) -> str:
        others = super().legend(report)
        if not any(map(_is_as_printed, report.cells)):
            return others
        return f"{AS_PRINTED} the printed text is the same" + (f"; {others}" if others else ".")

    def heading(self, level: int, text: str) -> str:
        return "\n".join(map(self.bold, wrapped(text).split("\n")))

    def paragraph(self, text: str) -> str:
        return wrapped(text, indent=0)

    def items(self, lines: Sequence[str]) -> str:
        return "\n".join(wrapped(f"- {line}") for line in lines)

    def table(
        self,
        headers: Sequence[Sequence[str]],
        lines: Sequence[Sequence[str]],
        align: Sequence[str] = (),
        num_labels: int = 1,
    ) -> str:
        top, *lower = headers
        numbers = [index for index, kind in enumerate(align) if kind == "right"]
        return table_text(top, [*lower, *lines], numbers=numbers, num_labels=num_labels, num_headers=len(headers))


def _is_as_printed(cell: ReportCell) -> bool:
    return isinstance(cell.value, str) and printed_text(cell) == ours_text(cell)


def terminal_page(report: JudgedReport, options: of_verbs.Report) -> str:
    """Table, its signs and the numbers of verdicts; with --full also where its numbers come from."""
    markup, shown = Terminal(), report.report
    claims = verdict_counts(report.claims, next_command("claims", options, [shown.table.name]))
    if options.full:
        heading = markup.heading(2, "What the paper concludes")
        return report.page(markup, f"{heading}\n\n{markup.paragraph(claims)}" if claims else "")
    heading = markup.heading(1, f"{shown.table.name} at scale `{shown.scale.name}`: {shown.table.caption}")
    table = f"\n{page.table_text(shown, markup)}\n"
    above, below = (heading, markup.paragraph(notice(shown))), (markup.legend(shown), claims)
    return "\n".join(filter(None, [*above, table, *map(markup.paragraph, below)])).rstrip("\n") + "\n"


def verdict_counts(claims: "tuple[JudgedClaim, ...]", command: str) -> str:
    """Numbers of verdicts and the command that prints each, in place of the claims; empty without claims."""
    if not (judgements := [one for _, several in claims for one in several]):
        return ""
    printed, ours = (
        ", ".join(f"{number} {verdict}" for verdict, number in Counter(verdicts).most_common())
        for verdicts in ([one.printed for one in judgements], [one.verdict for one in judgements])
    )
    return f"Claims: printed numbers {printed}; ours {ours}. `{command}` names each."
