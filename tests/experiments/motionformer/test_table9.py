"""Table 9: its runs, and the data and rules that its rows change."""

from experiments.motionformer.table9 import DAVIS, TABLE
from experiments.spec.catalog import load
from experiments.spec.scales import PAPER, TINY
from models.propagation.label_propagation import LabelPropagation
from models.propagation.rules import CRW, DINO


def model_of(row: str) -> LabelPropagation.Config:
    found = TABLE.run_of(f"{row}.jf", PAPER, (), 0).model
    assert isinstance(found, LabelPropagation.Config)
    return found


def test_the_paper_model_is_the_kinetics_run_of_table_4_at_both_scales() -> None:
    table4 = load("motionformer/table4")
    for scale in (PAPER, TINY):
        (parent,) = TABLE.run_of("ours.jf", scale, (), 0).parents
        assert parent.run.train_id == table4.run_of("trajectory.k400", scale, (), 0).train_id


def test_controls_have_no_parent_and_are_tested_without_training() -> None:
    for scale in (PAPER, TINY):
        for row in ("random", "random-tokens", "kept"):
            run = TABLE.run_of(f"{row}.jf", scale, (), 0)
            assert run.parents == () and run.optim is None and run.model.is_control
            run.check()


def test_only_random_weights_depend_on_the_seed() -> None:
    runs = {cell.row.key: len(cell.runs) for cell in TABLE.cells(TINY, seeds=(0, 1)) if cell.tested}
    assert {row for row, number in runs.items() if number > 1} == {"random", "random-tokens"}


def test_columns_of_a_row_are_one_test() -> None:
    for row in TABLE.rows:
        ids = {(run.train_id, run.eval_id) for cell in TABLE.cells(PAPER, rows=[row.key]) for run in cell.runs}
        assert len(ids) == (0 if row.quoted else 1)
    tested = {cell.run.train_id for cell in TABLE.cells(TINY) if cell.run is not None}
    assert len(tested) == 9


def test_default_rules_are_those_of_the_cited_work_within_one_clip() -> None:
    assert model_of("ours").rules == CRW.__class__()
    assert CRW.context == 20 and DINO.context == 7 and model_of("ours").rules.context is None
    assert model_of("dino-rules").rules.topk == 5 and model_of("ours").rules.topk == 10
    assert DAVIS.data.size.example(1, "meta")[0].shape == (1, 67, 3, 480, 848)


def test_attention_is_that_of_the_last_block_whose_patches_are_queries_in_the_training() -> None:
    assert model_of("ours").block == -2 and model_of("keys").block == -2
    assert model_of("last-block").block == model_of("tokens").block == -1


def test_printed_means_of_ours_are_consistent() -> None:
    jf, j, f = (value for value in TABLE.find_row("ours").paper)
    assert isinstance(jf, float) and isinstance(j, float) and isinstance(f, float)
    assert abs((j + f) / 2 - jf) < 0.051
