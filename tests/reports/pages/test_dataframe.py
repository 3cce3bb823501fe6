import io
from collections.abc import Callable

import pandas as pd

from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.table import Table
from reports.collect import collect
from reports.pages.render import render
from runner.store.store import RunStore

RunOf = Callable[..., RunConfig]
Finish = Callable[..., None]


def test_csv_has_separate_columns_for_measured_and_printed_values(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    finish(run_of(small, "joint.k400"), 60.123456)
    data = pd.read_csv(io.StringIO(render(collect(table, small, store), "csv"))).set_index("row")
    assert list(data["k400:state"]) == ["quoted", "done", "not run", "not run"]
    assert data.loc["joint", "k400"] == 60.123456
    assert list(data["k400"].notna()) == [False, True, False, False]
    assert list(data["k400:printed"]) == [99.0, 79.2, 70.0, 79.7]
    assert set(data["k400:printed_style"].isna()) == {True}
    assert set(data["scale"]) == {"tiny"}
