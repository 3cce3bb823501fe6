"""Parameter groups: trainable parameters, learning rates and weight decays."""

import re

import pytest
from torch import nn

from lightning_modules.optim import OptimConfig
from lightning_modules.parameter_groups import ParameterRule
from models.model import Model

LR, DECAY = 0.1, 0.05


class Plain(Model):
    """Three parts without an order of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(2, 3)
        self.norm = nn.LayerNorm(3)
        self.head = nn.Linear(3, 4)


class Layered(Plain):
    """Layer 0: the embedding. Layers 1 and 2: blocks. Layer 3: norm and head."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Linear(3, 3) for _ in range(2))

    def layer_of(self, parameter: str) -> int:
        part, *rest = parameter.split(".")
        return {"embed": 0, "blocks": int(rest[0]) + 1 if part == "blocks" else -1}.get(part, 3)


def groups_of(model: Model, *rules: ParameterRule, layer_decay: float | None = None) -> list[dict]:
    """Groups of the optimiser of a recipe."""
    recipe = OptimConfig(lr=LR, weight_decay=DECAY, layer_decay=layer_decay, rules=rules)
    return recipe.build(model, 1)[0].param_groups


def settings_of(
    model: Model, *rules: ParameterRule, layer_decay: float | None = None
) -> dict[str, tuple[float, float]]:
    """Rate relative to the base rate, and weight decay, by parameter name. Each parameter is in one group."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = groups_of(model, *rules, layer_decay=layer_decay)
    found = [(names[id(p)], (group["lr"] / LR, group["weight_decay"])) for group in groups for p in group["params"]]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_a_recipe_without_rules_is_one_group_of_all_trainable_parameters_in_the_models_order() -> None:
    model = Plain()
    for is_frozen in (False, True):
        model.embed.requires_grad_(not is_frozen)
        (group,) = groups_of(model)
        assert [*map(id, group["params"])] == [id(p) for p in model.parameters() if p.requires_grad]
        assert (group["lr"], group["weight_decay"]) == (LR, DECAY)
    with pytest.raises(ValueError, match=r"^optim: the model has no trainable parameter; set optim=None for"):
        groups_of(model.requires_grad_(False))  # type: ignore[arg-type]


def test_the_rate_decays_from_the_last_layer_to_the_first_also_if_the_last_one_is_frozen() -> None:
    model = Layered()
    of_parts = {"embed": 0.125, "norm": 1, "head": 1, "blocks.0": 0.25, "blocks.1": 0.5}
    expected = {f"{part}.{kind}": rate for part, rate in of_parts.items() for kind in ("weight", "bias")}
    assert settings_of(model, layer_decay=0.5) == {name: (rate, DECAY) for name, rate in expected.items()}
    assert len(groups_of(model, layer_decay=0.5)) == 4
    model.norm.requires_grad_(False)
    model.head.requires_grad_(False)
    remaining = {name: (rate, DECAY) for name, rate in expected.items() if rate < 1}
    assert settings_of(model, layer_decay=0.5) == remaining


@pytest.mark.parametrize(("order", "last_decay"), [(1, 0.0), (-1, 0.3)])
def test_factors_of_several_rules_are_multiplied_and_the_last_weight_decay_applies(
    order: int, last_decay: float
) -> None:
    rules = (
        ParameterRule(names="head.*", lr_scale=10.0, weight_decay=0.3),
        ParameterRule(max_dims=1, lr_scale=0.5, weight_decay=0.0),
        ParameterRule(names="*.weight", lr_scale=3.0),
    )
    assert settings_of(Plain(), *rules[::order]) == {
        "embed.weight": (pytest.approx(3), DECAY),
        "embed.bias": (pytest.approx(0.5), 0.0),
        "norm.weight": (pytest.approx(1.5), 0.0),
        "norm.bias": (pytest.approx(0.5), 0.0),
        "head.weight": (pytest.approx(30), 0.3),
        "head.bias": (pytest.approx(5), last_decay),
    }


def test_rules_and_layer_decay_are_combined() -> None:
    rules = ParameterRule(names="blocks.*", lr_scale=4.0), ParameterRule(max_dims=1, weight_decay=0.0)
    settings = settings_of(Layered(), *rules, layer_decay=0.5)
    assert settings["blocks.0.weight"] == (pytest.approx(1), DECAY)
    assert settings["blocks.1.bias"] == (pytest.approx(2), 0.0)
    assert settings["embed.weight"] == (pytest.approx(0.125), DECAY)


def test_parameters_of_equal_settings_share_a_group_in_the_models_order() -> None:
    model = Plain()
    decayed, plain = groups_of(model, ParameterRule(max_dims=1, weight_decay=0.0))
    expected = model.embed.bias, model.norm.weight, model.norm.bias, model.head.bias
    assert [*map(id, decayed["params"])] == [id(model.embed.weight), id(model.head.weight)]
    assert [*map(id, plain["params"])] == [*map(id, expected)]


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        (ParameterRule(names="tail.*"), "'tail.*'"),
        (ParameterRule(names="HEAD.*"), "'HEAD.*'"),
        (ParameterRule(names="head"), "'head'"),
        (ParameterRule(names="ead.*"), "'ead.*'"),
        (ParameterRule(names="head.weight", max_dims=1), "'head.weight' of at most 1 dimensions"),
        (ParameterRule(names="embed.*"), "'embed.*'"),  # exists, but is frozen
    ],
)
def test_a_rule_without_a_trainable_match_is_named(rule: ParameterRule, named: str) -> None:
    model = Plain()
    model.embed.requires_grad_(False)
    with pytest.raises(ValueError, match=f"^optim.rules: no trainable parameter matches {re.escape(named)}$"):
        groups_of(model, ParameterRule(), rule)


def test_a_rule_of_a_recipe_of_several_models_may_match_none() -> None:
    model = Plain()
    model.embed.requires_grad_(False)
    rule = ParameterRule(names="embed.*", weight_decay=0.0, may_match_none=True)
    assert {group["weight_decay"] for group in groups_of(model, rule)} == {DECAY}
    model.embed.requires_grad_(True)
    assert settings_of(model, rule)["embed.weight"] == (1, 0.0)
