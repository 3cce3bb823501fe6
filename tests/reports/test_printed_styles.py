"""Labels and numbers in bold, and underlined numbers, as the paper prints them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from experiments.spec.catalog import load
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER
from experiments.spec.table import Bold, BoldNumber, Table, Underlined, bold, label_text, quoted, row
from reports.collect import collect
from runner.store.store import RunStore
from tests.reports.saved_reports import Format, render

RunOf = Callable[..., RunConfig]
Finish = Callable[..., None]


def styled(table: str, kind: type) -> list[object]:
    """Labels and printed values of this type of a table, row by row."""
    return [text for r in load(table).rows for text in (*r.labels, *r.paper) if isinstance(text, kind)]


MODELS = ["Mformer", "Mformer-L", "Mformer-HR"]


@pytest.mark.parametrize(
    ("table", "bold"),
    [
        ("table1", ["Motionformer"]),
        ("table2a", ["Trajectory", "Trajectory"]),
        ("table2b", ["Trajectory", "Trajectory"]),
        ("table3a", ["Orthoformer"]),
        ("table3b", ["Orthogonal"]),
        ("table3c", []),
        ("table4", []),
        ("table5", ["Orthoformer-64"]),
        ("table6a", MODELS),
        ("table6b", MODELS),
        ("table6c", MODELS),
        ("table6d", MODELS),
    ],
)
def test_labels_of_motionformer_are_bold_as_printed(table: str, bold: list[str]) -> None:
    assert styled(f"motionformer/{table}", Bold) == bold


@pytest.mark.parametrize(
    ("table", "bold", "underlined"),
    [
        ("cast/table2", [49.9, 77.9, 71.6], [77.2, 70.8, 49.3]),
        ("cast/table9", [63.1, 72.5], [49.3]),
        ("cast/table10", [71.6], [71.4]),
        ("cast/table11", [85.3], [84.7, 84.7]),
        ("motionformer/table3a", [79.7, 66.5, 77.5, 64.0, 77.5], []),
        ("motionformer/table5", [78.98, 66.55, 36.90, 36.16, 64.42, 55.26, 0.24, 344],
         [36.69, 55.16, 36.69, 0.49, 78.67, 745, 33.26, 66.41]),
        ("motionformer/table6c", [67.9, 44.5, 58.5], [67.0]),
        ("motionformer/table6d", [83.8, 96.3], [82.7]),
        ("msca/table5", [76.37, 92.91], []),
    ],
)  # fmt: skip
def test_numbers_are_bold_and_underlined_as_printed(table: str, bold: list[float], underlined: list[float]) -> None:
    assert styled(table, BoldNumber) == bold and styled(table, Underlined) == underlined


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
    form: Format, line: str, note: str, table: Table, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    finish(run_of(PAPER, "ours.k400"), 61.0)
    paper = (Underlined(369.5), *bold(79.7), Underlined(66.5), 13.2)
    other = quoted("other", ("Other", None, False), (Underlined(1), *bold(99), 3, None))
    plain = " ".join(render(collect(table, PAPER, store), form).split())
    table = replace(table, rows=(row("ours", ("Joint", Bold("Small"), False), paper=paper), other))
    text = " ".join(render(collect(table, PAPER, store), form).split())
    assert line in text and note in text and note not in plain


def test_texts_of_bold_labels_are_plain() -> None:
    assert type(label_text(Bold("Ours"))) is str  # TensorBoard refuses others
