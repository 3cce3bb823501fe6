import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, make_dataclass, replace
from pathlib import Path

import pytest

from data.stand_ins.drawing.base import Drawing
from data.stand_ins.drawing.ensure import StandInError, ensure
from data.stand_ins.of_videos import Epic100StandIn, KineticsStandIn, SSv2StandIn
from data.stand_ins.stand_in import StandIn, default_cache, earlier_digest, folder_name, generated_root


@dataclass(frozen=True, kw_only=True)
class Slow(StandIn):
    """Two small files per part, written slowly.

    Args:
        fails_at: part whose generation fails.
        log: file that gets a line for each generation.
    """

    name: str = "slow"  # pyright: ignore[reportIncompatibleVariableOverride]
    num_train: int = 40
    seconds: float = 0.02
    fails_at: int | None = None
    log: str = ""


class SlowDrawing(Drawing[Slow, tuple[int, bytes]]):
    def annotations(self) -> dict[str, str | bytes]:
        if self.settings.log:
            with open(self.settings.log, "a") as log:
                log.write("generated\n")
        return {"list.txt": "Größe\n", "labels/train.bin": bytes(range(256))}

    def parts(self) -> list[tuple[int, bytes]]:
        return [(number, f"part {number}".encode()) for number in range(self.settings.num_train)]

    def files(self, part: tuple[int, bytes]) -> Iterator[tuple[Path, bytes]]:
        number, content = part
        yield Path("frames") / str(number) / "first.bin", content
        time.sleep(self.settings.seconds)
        if number == self.settings.fails_at:
            raise OSError(28, "No space left on device")
        yield Path("frames") / str(number) / "second.bin", content[::-1]


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stand_in_may_have_files_other_than_videos(tmp_path: Path, workers: int) -> None:
    made = contents(ensure(SlowDrawing(Slow(seconds=0.0, num_train=20)), tmp_path, progress=False, workers=workers))
    assert made.pop("list.txt").decode() == "Größe\n"
    assert made.pop("labels/train.bin") == bytes(range(256))
    expected = {f"frames/{number}/first.bin": f"part {number}".encode() for number in range(20)}
    expected |= {f"frames/{number}/second.bin": f"part {number}".encode()[::-1] for number in range(20)}
    assert made == expected


def test_two_concurrent_processes_generate_the_data_set_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = multiprocessing.get_context("fork")
    slow = Slow(log=str(tmp_path / "log.txt"))
    processes = [
        context.Process(
            target=ensure, args=(SlowDrawing(slow), tmp_path / "cache"), kwargs={"progress": False, "workers": 0}
        )
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(contents(tmp_path / "cache" / folder_name(slow))) == 2 + 2 * slow.num_train
    assert Path(slow.log).read_text() == "generated\n"


@pytest.mark.parametrize("workers", [0, 2])
def test_a_full_disk_gives_a_one_line_error_and_no_data_set(tmp_path: Path, workers: int) -> None:
    failing = Slow(fails_at=5, seconds=0.0)
    with pytest.raises(StandInError, match=r"the slow stand-in cannot be written to .*No space left.*STAND_IN_CACHE"):
        ensure(SlowDrawing(failing), tmp_path, progress=False, workers=workers)
    assert not (tmp_path / folder_name(failing)).exists()


def test_an_environment_variable_sets_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path))
    assert default_cache() == tmp_path
    monkeypatch.delenv("STAND_IN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_cache() == tmp_path / "cache" / "video-stand-ins"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache() == Path(os.path.expanduser("~")) / ".cache" / "video-stand-ins"


def sounds(module: str, *fields: tuple) -> StandIn:
    """Stand-in that stands in a module of this name."""
    names = {"name": "sounds", "__module__": module}
    return make_dataclass("Sounds", fields, bases=(StandIn,), frozen=True, kw_only=True, namespace=names)()


def test_a_stand_in_whose_module_was_moved_finds_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path))
    (root := tmp_path / folder_name(sounds("data.stand_ins.sounds"))).mkdir()
    moved = sounds("data.noises.sounds", ("pitch", str, field(default="low", metadata={"omit_if": "low"})))
    assert generated_root(moved) == root
    for other in (replace(moved, version=2), replace(moved, seed=1), replace(moved, pitch="high")):  # type: ignore[call-arg]
        assert generated_root(other) is None


@pytest.mark.parametrize(
    ("stand_in", "folder"),
    [
        (KineticsStandIn(num_train=600, num_val=300), "kinetics400-v1-c4570e2a53"),
        (SSv2StandIn(num_train=600, num_val=400), "ssv2-v1-c4e1a6744c"),
        (Epic100StandIn(), "epic100-v1-b827583fab"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_folders_that_were_named_after_their_code_are_found_and_a_raised_version_has_a_new_one(
    stand_in: StandIn, folder: str
) -> None:
    assert folder_name(stand_in) == folder
    assert earlier_digest(replace(stand_in, version=2)) is None
    assert folder_name(replace(stand_in, version=2)).startswith(f"{stand_in.name}-v2-")
