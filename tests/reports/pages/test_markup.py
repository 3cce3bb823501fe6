"""Labels and numbers in bold, and underlined numbers, as the paper prints them."""

from dataclasses import replace

import pytest

from experiments.spec.table import Bold, Underlined, bold, label_text, quoted, row
from tests.reports.conftest import Trial
from tests.reports.saved_reports import Format, render


@pytest.mark.parametrize(
    ("form", "line", "note"),
    [
        ("md", "| Joint | **Small** | ✗ | 369.5 (<ins>369.5</ins>) | 61.0 (**79.7**) | – (<ins>66.5</ins>) | "
               "– (13.2) | | *Other* | – | ✗ | *<ins>1.0</ins>* | ***99.0*** | *3.0* |",
         "printed numbers are **bold** or <ins>underlined</ins> as in the paper"),
        ("latex", r"Joint & \textbf{Small} & $\times$ & 369.5 (\underline{369.5}) & 61.0 (\textbf{79.7}) "
                  r"& -- (\underline{66.5}) & -- (13.2) \\ \textit{Other} & -- & $\times$ & \textit{\underline{1.0}} "
                  r"& \textit{\textbf{99.0}} & \textit{3.0} &",
         r"printed numbers are \textbf{bold} or \underline{underlined} as in the paper"),
    ],
)  # fmt: skip
def test_reports_show_labels_and_printed_numbers_in_their_styles(
    form: Format, line: str, note: str, trial: Trial
) -> None:
    trial.finish("ours.k400", 61.0)
    paper = (Underlined(369.5), *bold(79.7), Underlined(66.5), 13.2)
    other = quoted("other", ("Other", None, False), (Underlined(1), *bold(99), 3, None))
    plain = " ".join(render(trial.report(), form).split())
    table = replace(trial.table, rows=(row("ours", ("Joint", Bold("Small"), False), paper=paper), other))
    text = " ".join(render(trial.of(table).report(), form).split())
    assert line in text and note in text and note not in plain


def test_texts_of_bold_labels_are_plain() -> None:
    assert type(label_text(Bold("Ours"))) is str  # TensorBoard refuses others
