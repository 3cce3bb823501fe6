"""Numbers that no run can have are refused where they are typed, and every run of every table is within the limits."""

from pathlib import Path

import pytest

from experiments.catalog import find
from experiments.cli import main
from experiments.limits import LIMITS, check_limits
from experiments.motionformer.base import K400
from experiments.scales import SCALES

ROW = "motionformer/table4:joint"


@pytest.mark.parametrize("verb", ["show", "plan", "run"])
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.tokens.patch=0", "model.tokens.patch is 0; it must be 1 or more"),
        ("model.tokens.tubelet=-2", "model.tokens.tubelet is -2; it must be 1 or more"),
        ("model.depth=0", "model.depth is 0; it must be 1 or more"),
        ("model.heads=0", "model.heads is 0; it must be 1 or more"),
        ("model.drop_path=2", "model.drop_path is 2.0; it must be 0 or more and below 1"),
        ("model.drop_path=-0.1", "model.drop_path is -0.1; it must be 0 or more and below 1"),
        ("model.mlp_ratio=1e999", "model.mlp_ratio is inf; it must be more than 0"),
        ("model.width=50", "model.width is 50; it does not divide into 4 heads"),
        ("data.std=0", "data.std is 0.0; it must be more than 0"),
    ],
)
def test_a_number_that_no_run_can_have_is_a_mistake_in_words(
    verb: str, override: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = [] if verb == "show" else ["--runs", str(tmp_path)]
    assert main([verb, ROW, "-o", override, *place]) == 2
    assert capsys.readouterr().err == f"reproduce: {message}\n"
    assert list(tmp_path.iterdir()) == []


def test_the_least_numbers_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", ROW, "-o", "model.drop_path=0", "-o", "model.depth=1"]) == 0


@pytest.mark.parametrize("scale", sorted(SCALES))
def test_every_run_of_every_table_is_within_the_limits(scale: str) -> None:
    for table, _ in find(["*"]):
        for cell in table.cells(SCALES[scale]):
            for run in cell.runs:
                check_limits(run)


@pytest.mark.parametrize("path", [limit.path for limit in LIMITS])
def test_every_limit_is_that_of_a_field_there_is(path: str) -> None:
    owner: object = K400
    for name in path.split("."):
        assert hasattr(owner, name), path
        owner = getattr(owner, name)
