"""Labels in bold and underlined numbers, as the paper prints them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from experiments.runner.store import RunStore
from experiments.spec.catalog import load
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.table import Bold, Table, Underlined, label_text, row
from reports.collect import collect
from reports.render import Format, render

RunOf = Callable[..., RunConfig]
Finish = Callable[..., None]


def styled(table: str) -> tuple[dict[str, Bold], dict[str, Underlined]]:
    """Bold labels and underlined numbers of a table, by row."""
    rows = load(f"motionformer/{table}").rows
    bold = {r.key: label for r in rows for label in r.labels if isinstance(label, Bold)}
    return bold, {r.key: value for r in rows for value in r.paper if isinstance(value, Underlined)}


MODELS = {"mformer": "Mformer", "mformer-l": "Mformer-L", "mformer-hr": "Mformer-HR"}


@pytest.mark.parametrize(
    ("table", "bold", "underlined"),
    [
        ("table1", {"motionformer": "Motionformer"}, {}),
        ("table2a", {"trajectory-square": "Trajectory", "trajectory-cubic": "Trajectory"}, {}),
        ("table2b", {"trajectory-joint": "Trajectory", "trajectory-separate": "Trajectory"}, {}),
        ("table3a", {"orthoformer": "Orthoformer"}, {}),
        ("table3b", {"orthogonal": "Orthogonal"}, {}),
        ("table3c", {}, {}),
        ("table4", {}, {}),
        ("table6a", MODELS, {}),
        ("table6b", MODELS, {}),
        ("table6c", MODELS, {"mformer-hr": 67.0}),
        ("table6d", MODELS, {"mformer-hr": 82.7}),
    ],
)
def test_labels_and_numbers_of_motionformer_have_the_printed_styles(
    table: str, bold: dict[str, str], underlined: dict[str, float]
) -> None:
    assert styled(table) == (bold, underlined)


@pytest.mark.parametrize(
    ("form", "line", "note"),
    [
        ("md", "| Joint | **Small** | ✗ | 369.5 (<ins>369.5</ins>) | 61.0 (79.7) | – (<ins>66.5</ins>) | – (13.2) |",
         "<ins>underlined</ins> numbers are underlined in the paper"),
        ("latex", r"Joint & \textbf{Small} & $\times$ & 369.5 (\underline{369.5}) & 61.0 (79.7) "
                  r"& -- (\underline{66.5}) & -- (13.2) \\",
         "Underlined numbers are underlined in the paper."),
    ],
)  # fmt: skip
def test_reports_show_any_label_in_bold_and_printed_numbers_underlined(
    form: Format, line: str, note: str, table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    finish(run_of(small, "ours.k400"), 61.0)
    paper = (Underlined(369.5), 79.7, Underlined(66.5), 13.2)
    plain = " ".join(render(collect(table, small, store), form).split())
    table = replace(table, rows=(row("ours", ("Joint", Bold("Small"), False), paper=paper),))
    text = " ".join(render(collect(table, small, store), form).split())
    assert line in text and note in text and note not in plain


def test_texts_of_bold_labels_are_plain() -> None:
    assert type(label_text(Bold("Ours"))) is str  # TensorBoard refuses others
