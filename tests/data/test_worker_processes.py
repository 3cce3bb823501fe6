"""Pools of worker processes: Ctrl-C, and the end with their parent."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from data import worker_processes
from data.worker_processes import available_cores, signals_later, worker_pool

QUOTA, PERIOD = "cpu/{}cpu.cfs_quota_us", "cpu/{}cpu.cfs_period_us"


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 64),
        ("0::/a job/step\n", {"a job/cpu.max": "300000 100000\n", "a job/step/cpu.max": "max 1\n"}, 3),
        ("4:cpu:/docker/1\n", {QUOTA.format(""): "50000\n", PERIOD.format(""): "100000\n"}, 1),
        ("4:cpu:/job\n", {QUOTA.format("job/"): "400000\n", PERIOD.format("job/"): "100000\n"}, 4),
        ("4:cpu:/\n", {QUOTA.format(""): "-1\n", PERIOD.format(""): "100000\n"}, 64),
        ("", {}, 64),
    ],
)
def test_cores_are_those_of_the_machine_within_the_quota_of_a_container(
    own: str, files: dict[str, str], cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on macOS
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(worker_processes, "CONTROL_GROUPS", tmp_path)
    monkeypatch.setattr(worker_processes, "OWN_GROUPS", tmp_path / "own")
    for name, text in {"own": own, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert available_cores() == cores


def ignores_ctrl_c(_: int) -> bool:
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.usefixtures("ctrl_c")
def test_each_process_ignores_ctrl_c() -> None:
    with worker_pool(2) as pool:
        assert all(pool.map(ignores_ctrl_c, range(4)))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_is_held_back_until_the_end_of_the_block() -> None:
    passed = False
    with pytest.raises(KeyboardInterrupt), signals_later(signal.SIGINT):
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        time.sleep(0.01)
        passed = True
    assert passed
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_an_error_cancels_what_is_not_started() -> None:
    started = time.monotonic()
    with pytest.raises(ValueError, match="enough"), worker_pool(1) as pool:
        for _ in range(20):
            pool.submit(time.sleep, 0.5)
        raise ValueError("enough")
    assert time.monotonic() - started < 8
