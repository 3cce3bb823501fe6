"""The arrows between rooms, and shared code that knows neither papers nor concrete configs, read off the source."""

import ast
import importlib
import inspect
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from data.config import DataConfig, DatasetConfig
from data.synthetic.ensure import StandIn
from lightning_modules.optim import OptimizerConfig, ScheduleConfig
from lightning_modules.task import Objective
from models.model import ModelConfig

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("models", "data", "lightning_modules", "experiments", "reports", "reproduce", "benchmarks")
# A room is a package or, of experiments, a folder; "papers" are all other folders of experiments.
FOUNDATION = {"models", "data", "lightning_modules"}
MAY_IMPORT = {
    "models": set(),
    "data": set(),
    "lightning_modules": {"models"},
    "experiments": set(),
    "experiments.spec": {"experiments", *FOUNDATION},
    "experiments.papers": {"experiments.spec", *FOUNDATION},
    "experiments.runner": {"experiments.spec", *FOUNDATION},
    "reports": {"experiments.spec", "experiments.runner"},
    "reproduce": {"reports", "experiments.spec", "experiments.runner", *FOUNDATION},
    "benchmarks": {"experiments.runner", *FOUNDATION},
}
# Names of the papers and of their models, as words; a folder of experiments/ or models/ named so is the paper's own.
PAPERS = ("motionformer", "mformer", "msca", "xvit", "x-vit", "cast", "deform3d")
SHARED = ("models", "data", "lightning_modules", "experiments/spec", "experiments/runner", "reports", "reproduce")
# Rooms that ask configs, and never which config they have before them.
IGNORANT_OF_CONFIGS = ("experiments/spec", "experiments/runner", "reports", "reproduce")


def files_in(*folders: str) -> list[Path]:
    """The source files below some folders, without those of papers."""
    found = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return [file for file in found if not set(file.relative_to(ROOT).parts[:-1]) & set(PAPERS)]


def room_of(module: str) -> str:
    """The room that a module lies in."""
    package, *rest = module.split(".")
    if package != "experiments":
        return package
    if not rest:
        return "experiments"
    return f"experiments.{rest[0]}" if rest[0] in ("spec", "runner") else "experiments.papers"


def module_of(file: Path) -> str:
    """The module's dotted name."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    return {module_of(file): file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))}


def imports_of(file: Path) -> set[str]:
    """The modules of ours that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{file} has a relative import"
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= submodules & modules().keys() or {node.module}
    return names & modules().keys()


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_only_along_the_arrows(package: str) -> None:
    for module, file in modules().items():
        if module.split(".")[0] == package:
            room = room_of(module)
            wrong = {name for name in imports_of(file) if room_of(name) not in MAY_IMPORT[room] | {room}}
            assert not wrong, f"{module} imports {wrong}"


def test_no_paper_imports_another() -> None:
    for module, file in modules().items():
        if room_of(module) == "experiments.papers":
            paper = module.split(".")[1]
            others = {name for name in imports_of(file) if room_of(name) == "experiments.papers"}
            assert all(name.split(".")[1] == paper for name in others), f"{module} imports {others}"


def test_no_circle_of_files() -> None:
    graph = {module: imports_of(file) - {module} for module, file in modules().items()}
    while leaves := [module for module, targets in graph.items() if not targets & graph.keys()]:
        for module in leaves:
            del graph[module]
    assert not graph, f"these files import each other in a circle, or import such: {sorted(graph)}"


def words_of(file: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers, without a docstring's lines that give a source by its URL."""
    source = file.read_text()
    lines = dict(enumerate(source.splitlines(), start=1))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.STRING and token.string.lstrip("rRfF").startswith('"""'):
            for number in range(token.start[0], token.end[0] + 1):
                if "https://" in lines[number] or "arXiv" in lines[number]:
                    lines[number] = ""
    yield from lines.items()


@pytest.mark.parametrize("folder", SHARED)
def test_shared_code_names_no_paper(folder: str) -> None:
    names = re.compile(rf"\b({'|'.join(PAPERS)})\b", re.IGNORECASE)
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in files_in(folder)
        for number, line in words_of(file)
        if names.search(line)
    ]
    assert not found, "\n".join(found)


def test_the_names_of_papers_are_those_of_their_folders() -> None:
    folders = {file.parent.name for file in (ROOT / "experiments").glob("*/base.py")}
    assert folders and folders <= set(PAPERS)


@cache
def concrete_configs() -> set[str]:
    """The names of all config classes that can be a part of a run, bases left out."""
    names: set[str] = set()

    def add(base: type) -> None:
        for kind in base.__subclasses__():
            names.update(() if inspect.isabstract(kind) else {kind.__name__})
            add(kind)

    for module in modules():
        if not module.endswith("__main__") and room_of(module) in {*FOUNDATION, "experiments.papers"}:
            importlib.import_module(module)
    for base in (ModelConfig, DataConfig, DatasetConfig, StandIn, Objective, OptimizerConfig, ScheduleConfig):
        add(base)
    assert {"VideoData", "SingleLabel", "AdamW", "KineticsStandIn"} <= names
    return names - {"Config"}


@pytest.mark.parametrize("folder", IGNORANT_OF_CONFIGS)
def test_shared_code_asks_no_config_for_its_class(folder: str) -> None:
    for file in files_in(folder):
        for node in ast.walk(ast.parse(file.read_text())):
            kinds: list[ast.expr] = []
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("isinstance", "issubclass")
            ):
                kinds = [node.args[1]]
            elif isinstance(node, ast.MatchClass):
                kinds = [node.cls]
            for kind in kinds:
                named = set(re.findall(r"[\w.]+", ast.unparse(kind)))
                asked = {
                    name for name in named if name.endswith(".Config") or name.split(".")[-1] in concrete_configs()
                }
                assert not asked, f"{file.relative_to(ROOT)}:{kind.lineno} asks for {asked}"


def test_a_trainer_is_made_in_one_place() -> None:
    makers = [
        f"{file.relative_to(ROOT)}"
        for file in files_in(*PACKAGES)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Trainer"
    ]
    assert makers == ["experiments/runner/trainer.py"]


def test_package_files_hold_a_docstring_and_nothing_else() -> None:
    for package in PACKAGES:
        for file in (ROOT / package).rglob("__init__.py"):
            body = ast.parse(file.read_text()).body
            assert len(body) == 1 and isinstance(body[0], ast.Expr), f"{file} holds more than a docstring"


def test_no_file_is_longer_than_400_lines() -> None:
    long = {name: count for name, file in modules().items() if (count := len(file.read_text().splitlines())) > 400}
    assert not long


def test_no_two_files_of_a_package_share_a_name() -> None:
    for package in PACKAGES:
        names: dict[str, Path] = {}
        for file in files_in(package):
            if file.name not in ("__init__.py", "__main__.py"):
                twin = names.setdefault(file.name, file)
                allowed = {"data/datasets", "data/synthetic"}  # a reader and the stand-in of its data set
                both = {one.parent.relative_to(ROOT).as_posix() for one in (twin, file)}
                assert twin == file or both <= allowed, f"{twin} and {file}"
