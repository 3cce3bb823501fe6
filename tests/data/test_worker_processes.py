"""Pools of worker processes: preparation, Ctrl-C, and the end with their parent."""

import signal
import threading
import time

import pytest

from data.worker_processes import signals_later, worker_pool

_prepared: list[str] = []


def ignores_ctrl_c(_: int) -> tuple[bool, list[str]]:
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN, _prepared


@pytest.mark.usefixtures("ctrl_c")
def test_each_process_is_prepared_and_ignores_ctrl_c() -> None:
    with worker_pool(2, _prepared.append, "lists") as pool:
        found = list(pool.map(ignores_ctrl_c, range(4)))
    assert found == [(True, ["lists"])] * 4
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert _prepared == []  # of this process


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
