"""Each verb names the command that usually follows, with its tables and options."""

import re

import pytest

from reproduce.command import parsed
from reproduce.next_command import next_command, say_next
from reproduce.option_types import duration
from tests.conftest import Reproduce


@pytest.mark.parametrize(
    ("words", "verb", "expected"),
    [
        (["show", "a/b"], "plan", "reproduce plan a/b"),
        (["plan", "a/*", "--scale", "paper"], "run", "reproduce run 'a/*' --scale paper"),
        (["plan", "a/b", "--data", "k=/x y", "--gpu", "A100"], "run", "reproduce run a/b --data 'k=/x y'"),
        (["run", "a/b", "c/d", "--seeds", "0,1", "--jobs", "2"], "report", "reproduce report a/b c/d --seeds 0,1"),
        (["run", "a/b", "-o", "optim.epochs=3", "-o", "seed=1", "--runs", "/r"], "report",
         "reproduce report a/b -o optim.epochs=3 -o seed=1 --runs /r"),
        (["import-weights", "f", "--as", "a/b:c"], "run", "reproduce run --scale paper"),
        (["plan", "a/b", "--own", "/my videos", "--fine-tune", "-o", "a=b"], "run",
         "reproduce run a/b --own '/my videos' --fine-tune -o a=b"),
        (["run", "a/b", "--column", "k400", "--eval-only"], "status", "reproduce status a/b --column k400"),
        (["plan", "a/b", "--eval-only"], "run", "reproduce run a/b --eval-only"),
        (["doctor", "a/b", "--allow-bad", "0", "--micro-batch", "4", "--recompute", "--workers", "2"], "run",
         "reproduce run a/b --workers 2 --allow-bad 0 --micro-batch 4 --recompute"),
        (["run", "a/b", "--devices", "2", "--nodes", "3", "--threads", "1"], "report", "reproduce report a/b"),
    ],
)  # fmt: skip
def test_tables_and_options_that_the_next_verb_has_are_taken_over(words: list[str], verb: str, expected: str) -> None:
    assert next_command(verb, parsed(words)) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12:00:00", 43_200), ("1:00:00:30", 86_430), ("90min", 5400), ("1.5h", 5400), ("3d", 259_200)],
)
def test_durations_are_read_and_written_as_times(text: str, seconds: int) -> None:
    assert duration(text) == duration(str(duration(text))) == seconds


@pytest.mark.parametrize("text", ["12", "12:00", "", "h", "-1h", "1:2:3:4:5", "0h", "0:00:00"])
def test_other_durations_are_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(["plan", "a/b", f"--budget={text}"])
    assert "write it as 12:00:00" in capsys.readouterr().err


def test_the_next_command_is_on_stderr_and_not_beside_json(capsys: pytest.CaptureFixture[str]) -> None:
    say_next("run", parsed(["plan", "a/b"]))
    assert capsys.readouterr() == ("", "next: reproduce run a/b\n")
    say_next("run", parsed(["plan", "a/b", "--json"]))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["list", "table2a"], "reproduce show motionformer/table2a"),
        (["show", "table4:joint", "--scale", "paper"], "reproduce plan table4:joint --scale paper"),
        (["plan", "motionformer/table1"], "reproduce report motionformer/table1"),
        (["plan", "motionformer/table8"], "reproduce run motionformer/table8"),
        (["plan", "motionformer/table8", "--nodes", "2"], "reproduce submit motionformer/table8 --nodes 2"),
        (["status", "motionformer/table1"], "reproduce report motionformer/table1"),
        (["status", "motionformer/table8"], "reproduce run motionformer/table8"),
        (["report", "motionformer/table8"], "reproduce tensorboard motionformer/table8"),
        (["report", "cast/figure5"], "reproduce tensorboard cast/figure5"),  # some cells do not apply
        (["report", "motionformer/table8", "--scale", "paper"], "reproduce run motionformer/table8 --scale paper"),
        (["claims", "motionformer/table8"], "reproduce report motionformer/table8"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_verbs_say_what_comes_next(words: list[str], expected: str, reproduce: Reproduce) -> None:
    assert reproduce(*words).err.splitlines()[-1] == f"next: {expected}"


def test_options_of_a_run_stand_in_groups(reproduce: Reproduce) -> None:
    own, *groups = re.split(r"\n([a-z ]+):\n", reproduce("run", "--help").out.partition("\noptions:\n")[2])
    texts = dict(zip(groups[::2], groups[1::2], strict=True))
    assert "--file" in own and "--jobs" in own and "--scale" not in own
    assert "--scale" in texts["what is run"] and "--released" in texts["what is run"]
    assert "--workers" in texts["data and machine"] and "--data" in texts["data and machine"]
