"""Models on a GPU, with its kernels: values, precision and memory."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from benchmarks import motionformer as reference
from benchmarks.compare import peak_memory
from interface.sizes import ClipSize, TokenSequenceSize
from interface.targets import ClassTarget
from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.linformer import Linformer
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer
from models.mixers.trajectory import TrajectoryAttention
from models.mixers.trajectory_space import Approximation
from models.motionformer.model import Motionformer
from models.sequence.encoder import SequenceEncoder
from models.trunk import VideoViT

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")]
EXACT: list[MixerConfig] = [
    JointAttention.Config(),
    DividedAttention.Config(),
    TrajectoryAttention.Config(),
    TrajectoryAttention.Config(project_values=True),
    TrajectoryAttention.Config(normalize_over="space-time"),
]
APPROXIMATE: list[MixerConfig] = [
    TrajectoryAttention.Config(approximation=approximation)
    for approximation in (
        Orthoformer.Config(num_prototypes=32),
        Orthoformer.Config(num_prototypes=16, share_over_time=False),
        Nystromformer.Config(num_prototypes=32),
        Performer.Config(),
    )
]


def model_and_clips(attention: MixerConfig, width: int = 256) -> tuple[VideoViT, Tensor]:
    torch.manual_seed(0)
    config = Motionformer.Config(width=width, depth=3, heads=width // 64, attention=attention, drop_path=0.0)
    return config.build(ClipSize(8, 112, 112), ClassTarget(10)).cuda(), torch.randn(3, 8, 3, 112, 112, device="cuda")


def logits_and_gradients(logits: Tensor, model: nn.Module) -> Tensor:
    gradients = torch.autograd.grad(logits.float().square().sum(), list(model.parameters()))
    return torch.cat([t.double().flatten() for t in (logits.detach(), *gradients)])


@pytest.mark.parametrize("attention", EXACT, ids=str)
def test_logits_and_gradients_on_a_gpu_equal_the_published_formulation(attention: MixerConfig) -> None:
    model, clips = model_and_clips(attention)
    ours = logits_and_gradients(model(clips), model)
    torch.testing.assert_close(ours, logits_and_gradients(reference.logits(clips, model), model), rtol=0, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("attention", EXACT, ids=str)
def test_ours_is_as_exact_in_half_precision_on_a_gpu_as_the_published_formulation(
    attention: MixerConfig, dtype: torch.dtype
) -> None:
    model, clips = model_and_clips(attention)
    exact = logits_and_gradients(reference.logits(clips, model), model)
    with torch.autocast("cuda", dtype=dtype):
        ours, published = model(clips), reference.logits(clips, model)
    error = (logits_and_gradients(ours, model) - exact).norm()
    assert error < 1.5 * (logits_and_gradients(published, model) - exact).norm()


@pytest.mark.parametrize("attention", APPROXIMATE, ids=str)
def test_approximations_have_the_same_logits_on_gpu_and_cpu(attention: MixerConfig) -> None:
    model, clips = model_and_clips(attention)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(clips).cpu(), model.cpu()(clips.cpu()), rtol=0, atol=1e-3)


@pytest.mark.parametrize("attention", APPROXIMATE, ids=str)
def test_approximations_train_in_half_precision_on_a_gpu(attention: MixerConfig) -> None:
    model, clips = model_and_clips(attention)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        logits = model(clips)
    assert logits_and_gradients(logits, model).isfinite().all()


def test_a_training_step_takes_far_less_memory_than_the_published_formulation() -> None:
    config = Motionformer.Config(width=768, depth=3, heads=12, attention=TrajectoryAttention.Config(), drop_path=0.0)
    model = config.build(ClipSize(16, 224, 224), ClassTarget(10)).cuda()
    clips = torch.randn(2, 16, 3, 224, 224, device="cuda")
    weights = sum(p.nbytes for p in model.parameters())

    def above_weights(logits: Callable[[], Tensor]) -> int:
        model.zero_grad()
        most = peak_memory(lambda: logits().sum().backward())
        assert most is not None
        return most - 2 * weights  # without weights and their gradients

    assert above_weights(lambda: model(clips)) < 0.4 * above_weights(lambda: reference.logits(clips, model))


@pytest.mark.parametrize(
    "approximation",
    [
        None,
        Linformer.Config(num_prototypes=32),
        Nystromformer.Config(num_prototypes=32, conv_kernel=35, trains_landmarks=True),
        Orthoformer.Config(num_prototypes=16, candidates="queries-and-keys"),
        Performer.Config(kernel="two-sided"),
    ],
    ids=str,
)
def test_padded_sequences_have_the_same_logits_and_gradients_on_gpu_and_cpu(
    approximation: Approximation | None,
) -> None:
    torch.manual_seed(0)
    # On a CPU alone, gradients through Nyströmformer's pseudoinverse differ by 2.5e-3 between float32 and float64.
    dtype = torch.float64 if isinstance(approximation, Nystromformer.Config) else torch.float32
    config = SequenceEncoder.Config(approximation=approximation)
    model = config.build(TokenSequenceSize(256, 20), ClassTarget(10)).eval().to(dtype)
    ids = torch.randint(1, 20, (3, 256)) * (torch.arange(256) < torch.tensor([[256], [100], [7]]))
    on_cpu = logits_and_gradients(model(ids), model)
    on_gpu = logits_and_gradients(model.cuda()(ids.cuda()), model)
    torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=0, atol=1e-8 if dtype == torch.float64 else 1e-3)
