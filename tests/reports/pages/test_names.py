"""Names of rows in one line."""

import pytest

from experiments.spec.catalog import find
from reports.pages.names import row_names


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("motionformer/table4", "Trajectory (Att_T, Norm_S)"),  # ticked labels
        ("msca/table4", "patches=16, N_b=8, N_f=8"),  # numbers after the first text
        ("xvit/main-aggregation", "0 (temp. avg.)"),  # a number alone
        ("motionformer/table3c", "Trajectory (E), N/A"),
        ("deform3d/tableA2", "Ours: 112 pixels, T=4, wnd=2"),
    ],
)
def test_a_name_has_the_labels_of_its_row(table: str, name: str) -> None:
    names = row_names(find([table])[0].table).values()
    assert name in names and len(set(names)) == len(names)
