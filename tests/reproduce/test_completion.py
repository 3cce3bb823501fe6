"""Shell completion of verbs, tables, rows, columns, scales and data sets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.spec.catalog import captions
from runner.store.folders import STARTS
from runner.store.starts import Start, add_start

ROOT = Path(__file__).resolve().parents[2]


def completions(line: str, tmp_path: Path) -> set[str]:
    """What the shell is offered at the end of a command line."""
    asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "found"), "_ARGCOMPLETE_IFS": "\n"}
    position = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9", "_ARGCOMPLETE_COMP_WORDBREAKS": ""}
    code = "from reproduce.command import main; main()"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **asked, **position}, check=True)
    return {word.strip() for word in (tmp_path / "found").read_text().split("\n")}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("reproduce sh", {"show"}),
        ("reproduce show motionformer/table2", {"motionformer/table2a", "motionformer/table2b"}),
        ("reproduce show table2", {"table2a", "table2b"}),
        ("reproduce show motionformer/table8:", {"motionformer/table8:k400", "motionformer/table8:ssv2"}),
        ("reproduce evaluate table6b:mformer-", {"table6b:mformer-l", "table6b:mformer-hr"}),
        ("reproduce show nowhere:", {""}),
        ("reproduce run motionformer/table4 --scale ", {"tiny", "small", "paper"}),
        ("reproduce run motionformer/table4 --column ", {"k400", "ssv2"}),
        ("reproduce run motionformer/table4 --column k400,", {"k400,k400", "k400,ssv2"}),
        ("reproduce run motionformer/table4 --data k", {"kinetics400=", "kinetics600="}),
        ("reproduce run motionformer/table4 --dat", {"--data"}),
        ("reproduce run motionformer/table4 -o model.tokens.tub", {"model.tokens.tubelet="}),
        ("reproduce run motionformer/table4 -o optim.schedule.fa", {"optim.schedule.factor="}),
        ("reproduce run motionformer/table4 -o optim.epochs=", {""}),
    ],
)
def test_the_end_of_a_command_line_is_completed(line: str, expected: set[str], tmp_path: Path) -> None:
    assert completions(line, tmp_path) == expected


@pytest.mark.parametrize("words", ["run table6a --name", "report table6a --variant", "runs list --name"])
def test_names_of_runs_are_offered(words: str, tmp_path: Path) -> None:
    start = Start(cell="motionformer/table4:joint.k400", scale="tiny", name="baseline")
    (tmp_path / "runs/78667cde34a5").mkdir(parents=True)
    add_start(tmp_path / "runs/78667cde34a5" / STARTS, start)
    line = words.replace(" --", f" --runs {tmp_path / 'runs'} --")
    assert completions(f"reproduce {line} b", tmp_path) == {"baseline"}


def test_all_tables_are_offered(tmp_path: Path) -> None:
    assert completions("reproduce run ", tmp_path) >= set(captions())


def test_completion_does_not_import_pytorch() -> None:
    code = "import sys, reproduce.completion; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
