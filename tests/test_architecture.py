"""Source checks: allowed imports between components, and shared code without papers and concrete configs."""

import ast
import importlib
import inspect
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from data.config import DataConfig, DatasetConfig
from data.stand_ins.stand_in import StandIn
from lightning_modules.optim import OptimizerConfig, ScheduleConfig
from lightning_modules.task import Objective
from models.model import ModelConfig

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "interface", "models", "data", "lightning_modules", "experiments", "runner", "reports", "reproduce", "benchmarks",
)  # fmt: skip
# A component is a package or, within experiments, a directory. "papers" are its directories except spec.
FOUNDATION = {"interface", "models", "data", "lightning_modules"}
MAY_IMPORT = {
    "interface": set(),
    "models": {"interface"},
    "data": {"interface"},
    "lightning_modules": {"interface", "models"},
    "experiments": set(),
    "experiments.spec": {"experiments", *FOUNDATION},
    "experiments.papers": {"experiments.spec", *FOUNDATION},
    "runner": {"experiments.spec", *FOUNDATION},
    "reports": {"experiments.spec", "runner"},
    "reproduce": {"reports", "experiments.spec", "runner", *FOUNDATION},
    "benchmarks": {"experiments.spec", "runner", *FOUNDATION},
}
# Rooms of a package from the ground up: each imports those before it, and those beside it import nothing of each other.
# "" are the files of the package itself; where it is left out, they stand between the rooms or above them.
ROOMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "runner": (("machine",), ("store",), ("weights",), ("measure",), ("training",), ("jobs", "inference")),
    "reports": (("pages",), ("claims", "figures"), ("",), ("tensorboard",)),
    "reproduce": (("",), ("verbs",)),
    "data": (
        ("sampling", "stand_ins", "transforms"),
        ("stand_ins.drawing",),
        ("datasets",),
        ("inspection", "video"),
        ("preparation",),
    ),
}
# Names of papers and their models. A directory with such a name belongs to the paper, not to shared code.
PAPERS = ("motionformer", "mformer", "msca", "xvit", "x-vit", "cast", "deform3d")
SHARED = ("interface", "models", "data", "lightning_modules", "experiments/spec", "runner", "reports", "reproduce")
# "cast" is also a function of typing: as the paper it is written CAST, or as part of a path.
PAPER_NAME = re.compile(
    rf"\b(?i:{'|'.join(name for name in PAPERS if name != 'cast')})\b|\bCAST\b|[./]cast\b|\bcast[./]"
)
# Components that call methods of configs and never check their class.
WITHOUT_CONFIG_CLASSES = ("experiments/spec", "runner", "reports", "reproduce")


def files_in(*folders: str) -> list[Path]:
    """Source files below some directories, except those of papers."""
    found = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return [file for file in found if not set(file.relative_to(ROOT).parts[:-1]) & set(PAPERS)]


def component_of(module: str) -> str:
    """Component of a module."""
    package, *rest = module.split(".")
    if package != "experiments":
        return package
    if not rest:
        return "experiments"
    return f"experiments.{rest[0]}" if rest[0] == "spec" else "experiments.papers"


def module_of(file: Path) -> str:
    """Dotted name of the module in a file."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def modules() -> dict[str, Path]:
    """Files of all modules of this repository, by dotted name."""
    return {module_of(file): file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))}


def imports_of(file: Path) -> set[str]:
    """Modules of this repository that a file imports, at any place in it."""
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
def test_components_import_only_allowed_components(package: str) -> None:
    for module, file in modules().items():
        if module.split(".")[0] == package:
            component = component_of(module)
            wrong = {name for name in imports_of(file) if component_of(name) not in MAY_IMPORT[component] | {component}}
            assert not wrong, f"{module} imports {wrong}"


def paper_of(module: str) -> str | None:
    """Paper that a module belongs to, by its directory in a package; None for shared code."""
    return next((part for part in module.split(".")[1:] if part in PAPERS), None)


def test_no_paper_imports_another_and_shared_code_imports_none() -> None:
    for module, file in modules().items():
        if module == "benchmarks.__main__":  # the list of the cases of all papers
            continue
        others = {name for name in imports_of(file) if paper_of(name) not in (None, paper_of(module))}
        assert not others, f"{module} imports {others}"


def test_no_circular_imports() -> None:
    graph = {module: imports_of(file) - {module} for module, file in modules().items()}
    while leaves := [module for module, targets in graph.items() if not targets & graph.keys()]:
        for module in leaves:
            del graph[module]
    assert not graph, f"circular imports, or imports of such modules: {sorted(graph)}"


def room_of(module: str) -> str:
    """Folder of a module within its package; empty for the files of the package itself."""
    return ".".join(module.split(".")[1:-1])


@pytest.mark.parametrize("package", ROOMS)
def test_no_room_imports_one_above_or_beside_it(package: str) -> None:
    ranks = {room: rank for rank, rooms in enumerate(ROOMS[package]) for room in rooms}
    found = {module: file for module, file in modules().items() if module.startswith(f"{package}.")}
    found = {module: file for module, file in found.items() if file.name != "__init__.py"}
    assert {room_of(module) for module in found} | {""} == {*ranks} | {""}
    for module, file in found.items():
        room = room_of(module)
        for name in imports_of(file) & found.keys():
            if room in ranks and room_of(name) in ranks and room_of(name) != room:
                assert ranks[room_of(name)] < ranks[room], f"{module} imports {name}"


def test_no_folder_holds_more_than_twenty_modules() -> None:
    counts = Counter(file.parent for file in files_in(*PACKAGES) if file.name != "__init__.py")
    counts.pop(ROOT / "data" / "datasets")  # a file a data set, to which others are added
    large = {str(folder.relative_to(ROOT)): count for folder, count in counts.items() if count > 20}
    assert not large


def numbered_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Line numbers and lines of a file. Lines of docstrings with a URL or an arXiv number are blank."""
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
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in files_in(folder)
        for number, line in numbered_lines(file)
        if PAPER_NAME.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "# as in Motionformer",
        "from models.cast.model import CAST",
        "from experiments.cast import base",
        '"cast/table1"',
    ],
)
def test_names_and_paths_of_papers_are_found(line: str) -> None:
    assert PAPER_NAME.search(line)


@pytest.mark.parametrize("line", ["from typing import Self, cast", "width = cast(int, value)", "autocast(x)"])
def test_the_function_of_typing_names_no_paper(line: str) -> None:
    assert not PAPER_NAME.search(line)


def test_names_of_papers_include_those_of_their_directories() -> None:
    folders = {file.parent.name for file in (ROOT / "experiments").glob("*/base.py")}
    assert folders and folders <= set(PAPERS)


@cache
def concrete_configs() -> set[str]:
    """Names of all concrete config classes that can be part of a run."""
    names: set[str] = set()

    def add(base: type) -> None:
        for kind in base.__subclasses__():
            names.update(() if inspect.isabstract(kind) else {kind.__name__})
            add(kind)

    for module in modules():
        if not module.endswith("__main__") and component_of(module) in {*FOUNDATION, "experiments.papers"}:
            importlib.import_module(module)
    for base in (ModelConfig, DataConfig, DatasetConfig, StandIn, Objective, OptimizerConfig, ScheduleConfig):
        add(base)
    assert {"VideoData", "SingleLabel", "AdamW", "KineticsStandIn"} <= names
    return names - {"Config"}


@pytest.mark.parametrize("folder", WITHOUT_CONFIG_CLASSES)
def test_shared_code_does_not_check_the_class_of_configs(folder: str) -> None:
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
                checked = {
                    name for name in named if name.endswith(".Config") or name.split(".")[-1] in concrete_configs()
                }
                assert not checked, f"{file.relative_to(ROOT)}:{kind.lineno} checks for {checked}"


def test_trainer_is_created_in_one_file() -> None:
    creators = [
        f"{file.relative_to(ROOT)}"
        for file in files_in(*PACKAGES)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Trainer"
    ]
    assert creators == ["runner/training/trainer.py"]


def test_init_files_contain_only_a_docstring() -> None:
    for package in PACKAGES:
        for file in (ROOT / package).rglob("__init__.py"):
            body = ast.parse(file.read_text()).body
            assert len(body) == 1 and isinstance(body[0], ast.Expr), f"{file} contains more than a docstring"


def test_no_file_is_longer_than_400_lines() -> None:
    long = {name: count for name, file in modules().items() if (count := len(file.read_text().splitlines())) > 400}
    assert not long


def test_no_two_files_at_the_same_depth_of_a_package_share_a_name() -> None:
    for package in PACKAGES:
        names: dict[tuple[int, str], Path] = {}
        for file in files_in(package):
            if file.name not in ("__init__.py", "__main__.py"):
                twin = names.setdefault((len(file.parts), file.name), file)
                assert twin == file, f"{twin} and {file}"
