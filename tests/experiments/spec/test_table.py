"""Tables: runs of cells, and names of cells and parents."""

from dataclasses import replace

import pytest

from experiments.motionformer.base import K400, SSV2
from experiments.spec.claims import above, cell, claim
from experiments.spec.edits import Edit, ablated, apply, evaluation, optim
from experiments.spec.metrics import GFLOPS, TOP1, Difference, Evenness
from experiments.spec.run import Parent
from experiments.spec.scales import PAPER, TINY, PaperNote, Recipe, TinyNote
from experiments.spec.scaling import at_scale
from experiments.spec.table import Column, Table, label_text, one_line, quoted, row

FUSED = replace(SSV2, parents=(Parent(run=K400, part="spatial"), Parent(run=SSV2, part="temporal")))
TABLE = Table(
    name="paper/table1",
    caption="Every kind of cell",
    source="arXiv:0000.00000, Table 1",
    labels=("Model",),
    columns=(
        Column(key="gflops", header="GFLOPs", metric=GFLOPS, base=K400),
        Column(key="top1", header=("Top-1", "K-400"), metric=TOP1, base=K400, edits=evaluation(views=1)),
        Column(key="own", header="Own base", metric=TOP1),
        Column(key="delta", header="Δ", metric=Difference("delta", ("top1", "own")), base=K400),
    ),
    rows=(
        quoted("other", ("Other [8]",), paper=(1.0, 2.0, 3.0, -1.0)),
        row("plain", ("Plain",), optim(epochs=5), evaluation(views=4), paper=(1.0, 2.0, None, None)),
        row("fused", ("Fused",), base=FUSED, paper=()),
        row("tested", ("Tested",), (Edit("optim", None),), base=SSV2, paper=()),
    ),
    recipes={"tiny": Recipe(edits=optim(epochs=2))},
)


def test_edits_of_row_column_scale_and_command_line_are_applied_in_this_order() -> None:
    gflops, top1, own, _ = TABLE.cells(TINY, rows=["plain"], overrides=["optim.lr=1"])
    edited = apply(K400, optim(epochs=5))
    assert top1.paper_run is not None
    assert top1.paper_run == apply(edited, evaluation(views=1))  # the column's edits come after the row's
    assert gflops.paper_run == apply(edited, evaluation(views=4))
    assert top1.run == apply(TINY.of(top1.paper_run, TABLE.recipes["tiny"]), optim(lr=1.0))
    assert top1.run is not None and top1.run.optim is not None and top1.run.optim.epochs == 2
    assert own.run is None and own.paper_run is None


def test_ablated_edits_win_over_the_scale_and_others_make_rows_one_run_that_the_table_names() -> None:
    rates = (row("low", ("3e-4",), optim(lr=3e-4), paper=()), row("high", ("1e-3",), optim(lr=1e-3), paper=()))
    columns = (Column(key="top1", header="Top-1", metric=TOP1, base=K400),)
    table = replace(
        TABLE, columns=columns, rows=rates, recipes={"tiny": Recipe(edits=optim(lr=1e-2))}, claims=(), notes=()
    )
    low, high = table.cells(TINY)
    assert low.paper_run != high.paper_run and low.run == high.run
    assert at_scale(table, PAPER) == table
    (note,) = at_scale(at_scale(table, TINY), TINY).notes
    assert "one run" in note and "“3e-4” and “1e-3”" in note
    apart = replace(table, rows=tuple(replace(one, edits=ablated(one.edits)) for one in rates))
    assert [cell.run.optim.lr for cell in apart.cells(TINY) if cell.run and cell.run.optim] == [3e-4, 1e-3]
    assert [cell.run for cell in apart.cells(PAPER)] == [low.paper_run, high.paper_run]
    assert at_scale(apart, TINY).notes == ()


def test_a_small_scale_has_its_own_notes_and_headers() -> None:
    columns = (replace(TABLE.columns[0], scaled_headers={"tiny": "here"}), *TABLE.columns[1:])
    table = replace(TABLE, columns=columns, notes=(PaperNote("large"), "both", TinyNote("small")))
    assert (at_scale(table, PAPER).notes, at_scale(table, PAPER).columns[0].header) == (("large", "both"), "GFLOPs")
    assert (at_scale(table, TINY).notes, at_scale(table, TINY).columns[0].header) == (("both", "small"), "here")


def test_base_of_the_row_replaces_that_of_the_column() -> None:
    gflops, top1, own, _ = TABLE.cells(PAPER, rows=["fused"])
    assert gflops.run == own.run == FUSED
    assert top1.run == apply(FUSED, evaluation(views=1))


def test_cells_with_a_run_and_a_metric_that_needs_a_test_are_tested_and_printed_in_the_order_of_the_columns() -> None:
    assert all(cell.run is None and cell.runs == () for cell in TABLE.cells(rows=["other"]))
    assert all(cell.run is None for cell in TABLE.cells() if cell.column.key == "delta")
    tested = {f"{cell.row.key}.{cell.column.key}" for cell in TABLE.cells() if cell.tested}
    assert tested == {"plain.top1", "fused.top1", "fused.own", "tested.top1", "tested.own"}
    printed = {f"{cell.row.key}.{cell.column.key}": cell.printed for cell in TABLE.cells()}
    assert (printed["other.delta"], printed["plain.top1"], printed["plain.own"]) == (-1.0, 2.0, None)
    assert printed["fused.gflops"] is None


def test_a_cell_has_a_run_for_each_seed() -> None:
    cell = TABLE.cells(rows=["fused"], seeds=(0, 4))[1]
    assert [run.seed for run in cell.runs] == [0, 4]
    assert len({run.train_id for run in cell.runs}) == 2
    assert cell.runs[1].parents == cell.runs[0].parents


def test_a_run_is_found_by_row_and_column() -> None:
    assert TABLE.run_of("fused.own", PAPER, (), 0) == FUSED
    assert TABLE.run_of("fused.own", TINY, (), 3) == replace(TINY.of(FUSED, TABLE.recipes["tiny"]), seed=3)
    for name in ("fused", "fused.none", "fused.own.start", "other.top1", "plain.own", "plain.delta"):
        with pytest.raises(ValueError, match=rf"table 'paper/table1' has no run '{name}'; name one as row\.column"):
            TABLE.run_of(name, PAPER, (), 0)


def test_unknown_rows_raise_with_the_nearest_or_all_keys() -> None:
    with pytest.raises(ValueError, match=r"has no row 'fusd'; did you mean 'paper/table1:fused'\?"):
        TABLE.find_row("fusd")
    with pytest.raises(ValueError, match="its rows are other, plain, fused, tested"):
        TABLE.cells(rows=["xyz"])


def test_labels_and_headers_as_printed() -> None:
    assert [label_text(label) for label in ("ViT-B", True, False, None)] == ["ViT-B", "✓", "✗", "–"]
    assert [one_line(header) for header in ("Top-1", ("Top-1", "K-400"), ("", "K-400"))] == [
        "Top-1",
        "Top-1 / K-400",
        "K-400",
    ]
    assert TABLE.paper == "paper"


DUPLICATE = (*TABLE.columns, replace(TABLE.columns[1], header="again"))
DERIVED = Column(key="twofold", header="ΔΔ", metric=Difference("twofold", ("delta", "top1")))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": (row("a", ("A",), paper=()), row("a", ("B",), paper=()))}, "duplicate row a"),
        ({"rows": (row("0.5", ("A",), paper=()),)}, "row '0.5'; keys are letters, digits, - and _"),
        ({"columns": (replace(TABLE.columns[0], key="a,b"),), "rows": ()}, "column 'a,b'; keys are letters"),
        ({"columns": DUPLICATE, "rows": ()}, "duplicate column top1"),
        ({"rows": (row("a", ("A", "B"), paper=()),)}, "row 'a': wrong number of labels or printed values"),
        ({"rows": (row("a", ("A",), paper=(1.0,)),)}, "row 'a': wrong number of labels or printed values"),
        ({"columns": TABLE.columns[2:], "rows": ()}, "column 'delta': derived from top1; name columns of the table"),
        ({"columns": (*TABLE.columns, DERIVED), "rows": ()}, "column 'twofold': derived from delta; name columns"),
    ],
)
def test_inconsistent_tables_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"table 'paper/table1'.*{message}"):
        replace(TABLE, **changes)


def test_claims_on_cells_that_do_not_exist_and_duplicate_claims_are_refused() -> None:
    known = claim("C1", "section 1", "Plain is best", above(cell("plain.top1") - cell("other.top1")))
    assert replace(TABLE, claims=(known,)).claims == (known,)
    missing = claim("C3", "section 1", "Even", above(cell("plain.top1", Evenness("even", ("top1", "top2")))))
    with pytest.raises(
        ValueError, match=r"^table 'paper/table1', claim 'C3': derived from top2; name columns of the table"
    ):
        replace(TABLE, claims=(missing,))
    for name in ("plane.top1", "plain.top2"):
        wrong = claim("C2", "section 1", "Plain is best", above(cell("plain.top1") - cell(name)))
        with pytest.raises(ValueError, match=rf"^table 'paper/table1', claim 'C2': no cell {name}$"):
            replace(TABLE, claims=(known, wrong))
    with pytest.raises(ValueError, match=r"^table 'paper/table1': duplicate claim C1$"):
        replace(TABLE, claims=(known, known))
