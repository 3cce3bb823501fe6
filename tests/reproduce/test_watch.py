"""Repeated display of a text, in a terminal and in a file."""

import io
from collections.abc import Iterable

import pytest

from reproduce import watch as module
from reproduce.watch import Shown, screen, watch


class Output(io.StringIO):
    """Standard output that is a terminal or a file."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self.terminal


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses, which take no time."""
    found: list[float] = []
    monkeypatch.setattr(module.time, "sleep", found.append)
    return found


def output(monkeypatch: pytest.MonkeyPatch, texts: Iterable[str], *, terminal: bool) -> str:
    out, remaining = Output(terminal=terminal), list(texts)
    monkeypatch.setattr("sys.stdout", out)
    watch(lambda: Shown(remaining.pop(0), not remaining))
    return out.getvalue()


def test_a_file_gets_the_texts_that_differ(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    assert output(monkeypatch, ["10%", "10%", "20%", "done"], terminal=False) == "10%\n\n20%\n\ndone\n\n"
    assert pauses == [module.SECONDS_IN_FILE] * 3


def test_a_terminal_is_drawn_again_from_its_top(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    shown = output(monkeypatch, ["a\nb", "c"], terminal=True)
    assert shown == "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J\x1b[Hc\x1b[K\n\x1b[J"
    assert pauses == [module.SECONDS_IN_TERMINAL]


def test_ctrl_c_ends_the_display(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module.time, "sleep", interrupted)
    watch(lambda: Shown("running", is_last=False))
    assert capsys.readouterr().out == "running\n\n"


def test_lines_that_do_not_fit_into_the_terminal_are_cut() -> None:
    text = "\n".join(f"line {number}" for number in range(20))
    rows = screen(text, 6, 10).replace("\x1b[K", "").removeprefix("\x1b[H").removesuffix("\x1b[J").splitlines()
    assert rows == ["line 0", "line 1", "line 2", "line 3", "line 4", "… 12 l", "line 1", "line 1", "line 1"]
