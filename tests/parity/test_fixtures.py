"""Tensors and clips of the parity fixtures: the very bytes with which the authors' code gave the stored outputs."""

from hashlib import sha256

import torch

from tests.parity.fixtures import Fixture, clip


def test_tensors_of_a_fixture_have_the_bytes_of_the_authors_run() -> None:
    tensors = Fixture("motionformer_joint").tensors
    digest = sha256(b"".join(tensor.numpy().tobytes() for _, tensor in sorted(tensors.items())))
    assert digest.hexdigest().startswith("9f5c2146299085eb")


def test_clips_have_the_bytes_of_the_authors_run_and_shorter_clips_are_their_start() -> None:
    pixels = clip(seed=1, frames=16, size=224)
    assert sha256(pixels.tobytes()).hexdigest().startswith("33c4204ce39ee1c5")
    assert (clip(seed=1, frames=8, size=224) == pixels[:8]).all()


def test_a_clip_is_normalised_and_has_its_frames_before_its_channels() -> None:
    fixture = Fixture("motionformer_trajectory_square")
    pixels = torch.from_numpy(clip(seed=1, frames=8, size=224)).double()
    assert fixture.clip.shape == (1, 8, 3, 224, 224)
    torch.testing.assert_close(fixture.clip[0, 5, 2].double(), pixels[5, :, :, 2] / 127.5 - 1)


def test_positions_of_sampled_values_are_those_of_the_authors_run() -> None:
    positions = Fixture("orthoformer_shared").indices_of_samples("y")
    assert positions[:5].tolist() == [19068, 4639, 7940, 10717, 7423]
    assert len(positions) == 400
