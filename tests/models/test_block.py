import pytest
import torch
import torch.nn.functional as F
from timm.layers.drop import DropPath as TimmDropPath

from models.block import Block, DropPath
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.tokens import Grid

GRID = Grid(2, 2, 2)


def test_a_block_attends_then_feeds() -> None:
    torch.manual_seed(0)
    block = Block(DividedAttention.Config().build(16, 4), 16, 4.0, 0.5).train()
    x = torch.randn(3, 9, 16)
    torch.manual_seed(1)
    whole = block(x, GRID)
    torch.manual_seed(1)  # the same paths are dropped
    assert torch.equal(block.feed(block.attend(x, GRID)), whole)
    block.eval()
    assert torch.equal(block.feed(block.attend(x, GRID)), block(x, GRID))
    torch.testing.assert_close(block.cls(x, GRID), block(x, GRID)[:, :1])


def test_both_halves_use_the_epsilon() -> None:
    torch.manual_seed(0)
    (mixer,) = mixers = JointAttention.Config().build(16, 4)
    block = Block(mixers, 16, 2.0, 0.0, eps=0.5)
    x = torch.randn(3, 9, 16)
    torch.testing.assert_close(block.attend(x, GRID), x + mixer(F.layer_norm(x, (16,), eps=0.5), GRID))
    first, _, second = block.mlp
    torch.testing.assert_close(block.feed(x), x + second(F.gelu(first(F.layer_norm(x, (16,), eps=0.5)))))


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_paths_are_dropped_as_in_timm(rate: float) -> None:
    x = torch.randn(8, 3, 4)
    for ours, published in ((DropPath(rate), TimmDropPath(rate)), (DropPath(rate).eval(), TimmDropPath(rate).eval())):
        torch.manual_seed(2)
        dropped = ours(x)
        torch.manual_seed(2)
        assert torch.equal(dropped, published(x))
