"""X-ViT's runs at the paper's size, as the paper and the released configs state them."""

import math

import pytest

from experiments.spec.catalog import load
from experiments.spec.metrics import GFLOPS, PARAMETERS
from experiments.spec.scales import PAPER
from experiments.xvit.base import K400, SSV2
from experiments.xvit.zoo import K600_16, SSV2_16
from lightning_modules.optim import SGD

# Of the TA head alone: the released models also contain the classifier of single frames, which they do not use.
UNUSED = {"ssv2": 768 * 174 + 174, "k400": 768 * 400 + 400}


@pytest.mark.parametrize(
    ("run", "epochs", "decay", "start"), [(SSV2, 35, 1e-4, 0.003), (K400, 30, 1e-5, 0.01)], ids=["ssv2", "k400"]
)
def test_recipes_are_those_of_the_released_configs(run: object, epochs: int, decay: float, start: float) -> None:
    assert run in (SSV2, K400)
    optim = (SSV2 if run == SSV2 else K400).optim
    assert optim is not None
    assert (optim.epochs, optim.batch_size, optim.weight_decay) == (epochs, 64, decay)
    assert optim.optimizer == SGD(momentum=0.9, nesterov=True)

    def rate(epoch: float) -> float:
        return optim.lr * optim.schedule.multiplier(epoch, epochs)

    end = 0.03 * 0.5 * (1 + math.cos(math.pi * 5 / epochs))
    assert rate(0) == pytest.approx(start) and rate(5) == pytest.approx(end)
    assert rate(2.5) == pytest.approx((start + end) / 2)  # linear
    assert rate(20) == pytest.approx(0.03 * 0.5 * (1 + math.cos(math.pi * 20 / epochs)))
    assert rate(epochs) == pytest.approx(0)


def test_cost_is_that_of_the_released_models() -> None:
    assert GFLOPS.of(SSV2) == pytest.approx(140.7, abs=0.1) and GFLOPS.of(SSV2_16) == pytest.approx(281.4, abs=0.2)
    for run, name, parameters in ((SSV2, "ssv2", 93.75), (K400, "k400", 94.10)):
        found = PARAMETERS.of(run)
        assert isinstance(found, float)
        assert found + UNUSED[name] / 1e6 == pytest.approx(parameters, abs=0.006)


def test_released_models_mix_as_their_configs_state() -> None:
    for run, segment, fraction in ((SSV2_16, 16, 0.5), (K600_16, 8, 0.25)):
        attention = run.model.attention  # type: ignore[attr-defined]
        assert (attention.segment(16), attention.fraction) == (segment, fraction)


def test_all_columns_of_the_figure_come_from_one_training_and_one_pass() -> None:
    runs = [cell.run for cell in load("xvit/figure1").cells(PAPER)]
    assert len({run.train_id for run in runs if run is not None}) == 1
    most = max((run for run in runs if run is not None), key=lambda run: run.evaluation.views)
    for run in runs:
        assert run is not None and run.data.views_within(run.evaluation, most.evaluation) is not None
