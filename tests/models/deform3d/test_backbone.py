import pytest
import torch
from torchvision.models.video import mc3_18

from models.cost import executed_macs
from models.deform3d.backbone import MixedConvNet


def test_the_network_is_mc3_18_without_its_last_stage() -> None:
    torch.manual_seed(0)
    theirs = mc3_18().eval()
    ours = MixedConvNet.Config().build().eval()
    kept = {name: value for name, value in theirs.state_dict().items() if not name.startswith(("layer4", "fc"))}
    ours.load_state_dict(kept)  # refuses other names and shapes
    clips = torch.randn(2, 4, 3, 32, 40)
    features = ours(clips)
    assert features.shape == (2, 4, 4, 5, 256)
    with torch.no_grad():
        x = theirs.layer3(theirs.layer2(theirs.layer1(theirs.stem(clips.transpose(1, 2)))))
    torch.testing.assert_close(features, x.permute(0, 2, 3, 4, 1))


def test_first_weights_are_distributed_as_in_torchvision() -> None:
    torch.manual_seed(0)
    ours, theirs = MixedConvNet.Config().build(), mc3_18()
    for name, weight in ours.named_parameters():
        other = theirs.get_parameter(name)
        torch.testing.assert_close(weight.std(), other.std(), rtol=0.1, atol=1e-6)
        torch.testing.assert_close(weight.mean(), other.mean(), rtol=0, atol=0.01)


@pytest.mark.parametrize(("width", "frames", "height", "side"), [(8, 3, 24, 32), (16, 1, 8, 8), (64, 2, 16, 16)])
def test_multiply_adds_are_counted(width: int, frames: int, height: int, side: int) -> None:
    config = MixedConvNet.Config(width=width)
    clip = torch.randn(1, frames, 3, height, side, device="meta")
    with torch.device("meta"):
        network = config.build()
    assert executed_macs(network, (clip,)) == config.macs(frames, height, side)
