"""`reproduce show`: printed values and changed config fields."""

import json

import pytest

from experiments.spec.catalog import captions, load
from experiments.spec.edits import override
from experiments.spec.scales import TINY
from experiments.spec.scaling import at_scale
from experiments.spec.table import Table
from reproduce.verbs.show import changes_of
from tests.conftest import Output
from tests.reproduce.conftest import TerminalOf

T4 = "motionformer/table4"


@pytest.fixture(params=sorted(captions()))
def table(request: pytest.FixtureRequest) -> Table:
    return load(request.param)


def test_text_contains_printed_values_and_ids_of_runs(output: Output) -> None:
    text = output("show", T4)
    lines = text.splitlines()
    assert lines[0] == f"{T4}: Attention ablations"
    assert lines[1] == "arXiv:2106.05392, Table 4; values as printed, bold ones in *, none of them measured here"
    assert any("79.7" in line and "66.5" in line for line in lines)
    run = load(T4).run_of("joint.k400", TINY, (), 0)
    joint = lines[lines.index("joint:") + 1]
    assert joint.startswith(f"  k400         tiny run {run.train_id}  model.attention=JointAttention")
    assert lines[lines.index("trajectory:") + 1].endswith("  the default")
    assert f"note: {at_scale(load(T4), TINY).notes[0]}" in lines


def test_text_of_selected_rows_contains_ids_for_all_seeds_and_overrides(output: Output) -> None:
    text = output("show", f"{T4}:trajectory", "-o", "optim.epochs=3", "--seeds", "0,1")
    runs = [load(T4).run_of("trajectory.k400", TINY, ["optim.epochs=3"], seed).train_id for seed in (0, 1)]
    assert f"tiny run {' '.join(runs)}  the default" in text
    assert "joint:" not in text


def test_quoted_rows_are_labelled_as_quoted(output: Output) -> None:
    assert "i3d: quoted from another paper; not run" in output("show", "motionformer/table6b:i3d", "--scale", "paper")


@pytest.mark.parametrize(
    ("name", "digits"),
    [
        ("msca/table1:kv-6", "92.30"),
        ("cast/table9:gsf", "0.40"),
        ("msca/table3:msca-12", "12"),
        ("cast/table4:base-lr", "1e-3"),
        ("cast/table2:cast", "_49.3_"),  # underlined
        ("cast/table2:cast", "*77.9*"),  # bold
    ],
)
def test_values_have_the_digits_of_the_paper(name: str, digits: str, output: Output) -> None:
    assert digits in output("show", name).splitlines()[5].split()


def test_columns_of_the_same_run_share_a_line_and_rows_without_runs_have_none(output: Output) -> None:
    (line,) = [line for line in output("show", "cast/table9:cast").splitlines() if "tiny run" in line]
    assert line.startswith("  verb, noun, action  tiny run ") and line.endswith("  the default")
    assert "r13-w2:" not in output("show", "deform3d/tableA1")


def test_no_line_is_wider_than_a_terminal(table: Table, terminal: TerminalOf, output: Output) -> None:
    in_file = output("show", table.name)
    terminal(80)
    in_terminal = output("show", table.name)
    assert max(map(len, in_terminal.splitlines())) <= 80
    assert "".join(in_file.split("note: ", 1)[-1].split()) in "".join(in_terminal.split())


def test_rows_with_different_runs_show_different_changes(table: Table) -> None:
    for column in table.columns:
        cells = [cell for cell in table.cells() if cell.column is column and cell.tested and cell.paper_run]
        for base in {cell.row.base for cell in cells}:
            same = [cell for cell in cells if cell.row.base == base]
            runs = {cell.paper_run for cell in same}
            assert len({json.dumps(changes_of(cell)) for cell in same}) == len(runs)


def test_changes_are_named_by_dotted_path() -> None:
    cells = {cell.column.key: cell for cell in load("motionformer/table8").cells(rows=["k400"])}
    changes = changes_of(cells["one-frame"])
    assert list(changes) == ["model.tokens", "model.attention", "data.frames"]
    assert changes["model.tokens"].startswith("SquareTokens") and changes["data.frames"] == "1"
    assert changes_of(cells["eight-frames"]) == changes_of(cells["delta"]) == {}


def test_json_contains_table_columns_rows_and_printed_values(table: Table, output: Output) -> None:
    (shown,) = json.loads(output("show", table.name, "--json"))
    assert (shown["table"], shown["caption"], shown["scale"]) == (table.name, table.caption, "tiny")
    assert [column["key"] for column in shown["columns"]] == [column.key for column in table.columns]
    assert [row["key"] for row in shown["rows"]] == [row.key for row in table.rows]
    tested = {(cell.row.key, cell.column.key) for cell in table.cells(TINY) if cell.tested}
    for row, printed in zip(shown["rows"], table.rows, strict=True):
        assert {(row["key"], cell["column"]) for cell in row["cells"] if cell["runs"]} <= tested
        assert [cell["printed"] for cell in row["cells"]] == list(printed.paper or [None] * len(table.columns))
        assert row["quoted"] == printed.quoted


def test_several_tables_are_one_json_list(output: Output) -> None:
    assert len(json.loads(output("show", T4, "motionformer/table2*", "--json"))) == 3


def test_every_field_of_a_run_is_shown_as_an_override_of_itself(output: Output) -> None:
    first, _ = output("show", f"{T4}:joint", "--config").split("\n\n")
    run = load(T4).run_of("joint.k400", TINY, (), 0)
    name, *lines = first.splitlines()
    assert name == f"{T4}:joint.k400, tiny run {run.train_id}"
    shown = dict(line.strip().split("=", 1) for line in lines if "=" in line)
    assert {"model.depth", "data.frames", "optim.schedule.final", "evaluation.views"} < shown.keys()
    assert "  model.attention: JointAttention" in lines
    for path, value in shown.items():
        if path not in ("seed", "parents"):
            assert override(f"{path}={value}", run).apply(run) == run


def test_json_has_every_field_on_request(output: Output) -> None:
    (shown,) = json.loads(output("show", f"{T4}:joint", "--config", "--json", "--scale", "paper"))
    config = next(cell["config"] for cell in shown["rows"][0]["cells"] if cell["column"] == "k400")
    assert (config["model.depth"], config["model.attention"], config["optim.precision"]) == (
        12, "JointAttention", "16-mixed",
    )  # fmt: skip
