"""README: its commands work, and its table is that of the committed report."""

import re
import shlex
from pathlib import Path

import pytest

from experiments.spec.catalog import captions, find
from reports import index
from reproduce.command import main, parsed

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
LINES = [line.partition(" #")[0].strip() for block in BLOCKS for line in block.splitlines()]
REPRODUCE = [shlex.split(line)[1:] for line in LINES if line.startswith("reproduce ")]
READ_ONLY = ("list", "show", "plan", "status", "claims")


def test_the_readme_shows_every_verb() -> None:
    verbs = {words[0] for words in REPRODUCE}
    assert {
        "list",
        "show",
        "doctor",
        "plan",
        "run",
        "submit",
        "status",
        "report",
        "tensorboard",
        "evaluate",
        "attention",
    } <= verbs


@pytest.mark.parametrize("words", REPRODUCE, ids=" ".join)
def test_commands_are_parsed(words: list[str]) -> None:
    options = parsed(words)
    # Some verbs take no table.
    names = getattr(options, "tables", None) or [getattr(options, "table", None) or "*"]
    assert "*" in names or find(names)


@pytest.mark.parametrize("words", [words for words in REPRODUCE if words[0] in READ_ONLY], ids=" ".join)
def test_read_only_commands_succeed(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [] if words[0] in ("list", "show") else ["--runs", str(tmp_path)]
    assert main([*words, *runs]) == 0, capsys.readouterr().err
    assert capsys.readouterr().out


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) < 120


def test_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    used = set(re.findall(r"make ([a-z]+)", README))
    assert used
    assert used <= targets


def test_every_bash_line_is_a_known_command() -> None:
    for line in LINES:
        assert re.match(r"(reproduce |make |export VIDEO_ROOT=|source \.venv/bin/activate|$)", line), line


def test_tables_are_those_of_the_committed_reports() -> None:
    shown = re.findall(r"(\| Attention .*?)\n\n", README, flags=re.DOTALL)
    assert len(shown) == 1 and shown[0] in (ROOT / "reports/tables/motionformer/table4.paper.md").read_text()


def test_counts_of_the_first_screen_are_those_of_the_index_and_of_the_fixtures() -> None:
    lines = [line for (_, scale), line in index.read().items() if scale == "paper"]
    counted, as_printed, tests, tested = (
        sum(getattr(line, name) for line in lines) for name in ("counted", "as_printed", "tests", "tested")
    )
    assert f"**{as_printed} of {counted}** printed numbers" in README
    assert f"**{tested} of {tests}** cells that need a test" in README
    fixtures = [len(list((ROOT / "tests/parity" / folder).glob("*.json"))) for folder in (".", "training")]
    assert re.findall(r"In \*\*(\d+)\*\* settings.*\*\*(\d+)\*\* whole", README) == [(*map(str, fixtures),)]


@pytest.mark.parametrize("paper", sorted({name.partition("/")[0] for name in captions()}))
def test_committed_reports_agree_with_the_committed_results(
    paper: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", f"{paper}/*", "--check", "--runs", str(tmp_path)]) == 0, capsys.readouterr().err
