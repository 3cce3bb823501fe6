"""Every table is found, resolved, built and hashed; and papers in other directories."""

import functools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import experiments
from experiments.spec.catalog import captions, find, imported, load, names_listed, released_weights
from experiments.spec.metrics import Computed, Measured
from experiments.spec.number_formats import value_text
from experiments.spec.paper_folders import PAPERS, paper_file
from experiments.spec.scales import PAPER, SCALES, TINY, Scale
from experiments.spec.table import Table
from models.model import ModelConfig
from reports.pages.cells import contradictions

T4 = "motionformer/table4"
GOLDEN = Path(__file__).parent / "golden_ids.json"
# Cells whose computed value is not the printed one, with ours. The tables' notes say why.
DIFFERENT = json.loads((Path(__file__).parent / "different_from_print.json").read_text())

# Ids of runs that were checked in this process, and their models and inputs: tables share them.
CHECKED, BUILT = set[str](), set[object]()


@pytest.fixture(params=sorted(captions()))
def table(request: pytest.FixtureRequest) -> Table:
    return load(request.param)


def test_the_batch_of_the_measurement_of_a_run_is_the_same_in_all_tables() -> None:
    batches: dict[tuple[str, str], set[object]] = {}
    for name in captions():
        for cell in load(name).cells():
            if isinstance(metric := cell.metric, Measured) and cell.paper_run:
                sizes = batches.setdefault((cell.paper_run.train_id, metric.kind), set())
                sizes.add(metric.batch_size)
    assert batches and all(len(sizes) == 1 for sizes in batches.values())


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_every_cell_builds(table: Table, scale: Scale, monkeypatch: pytest.MonkeyPatch) -> None:
    # Checks of recipes build the model, as the test then does.
    monkeypatch.setattr(ModelConfig, "on_meta", functools.lru_cache(1)(ModelConfig.on_meta))
    runs = {cell.run.train_id + cell.run.eval_id: cell.run for cell in table.cells(scale) if cell.tested and cell.run}
    for ids, run in runs.items():
        if ids not in CHECKED:
            run.check()
            CHECKED.add(ids)
        if (built := (run.model, run.data.size, run.data.targets)) not in BUILT:
            run.model.on_meta(*built[1:])
            BUILT.add(built)


def test_computed_metrics_agree_with_the_printed_values(table: Table) -> None:
    for cell in table.cells(TINY):
        metric = cell.metric
        if cell.paper_run is None or cell.printed is None or not isinstance(metric, Computed):
            continue
        value = metric.of(cell.paper_run)
        if value is None or (isinstance(value, float) and isinstance(cell.printed, str)):  # e.g. "0 (ViT)"
            continue
        if (ours := DIFFERENT.get(f"{table.name}:{cell.row.key}.{cell.column.key}")) is not None:
            assert value_text(value, cell.form) == ours != value_text(cell.printed, cell.form)
        elif cell.row.metric is not None:
            assert value_text(value, cell.form) == value_text(cell.printed, cell.form), (cell.row.key, cell.column.key)
        elif isinstance(value, float):
            assert isinstance(cell.printed, float | int)
            assert cell.column.digits is not None
            tolerance = 0.1 if metric.name == "gflops" and cell.column.digits else 0.5 * 10.0**-cell.column.digits
            assert abs(value - cell.printed) <= tolerance, (cell.row.key, cell.column.key)
        elif metric.name == "gflops_views":
            (gflops, views), (printed, printed_views) = (str(v).split("×", 1) for v in (value, cell.printed))
            assert abs(float(gflops) - float(printed)) <= 0.1 + 1e-9
            assert views == printed_views
        else:
            assert value == cell.printed


def test_printed_derived_values_follow_from_the_printed_cells_except_for_one() -> None:
    found = [text for name in captions() for text in contradictions(load(name), load(name).rows)]
    assert [text.partition(":")[0] for text in found] == ["Video Swin [37] · SSV2 & K400 / H.M."]


# Tables in which a default run stands, with its row.
DEFAULTS = {
    "motionformer": "2a:trajectory-cubic 2b:trajectory-separate 4:trajectory",
    "cast": "1a:cast 1b:cast 1c:b-cast 1d:ratio-1-2 1e:t-s 1f:all-12 1g:cast 1h:clip-mae 5:cast-clip 6:clip-ek100 "
    "7:clip-videomae 8:with",
}


@pytest.mark.parametrize("scale", [PAPER, TINY])
@pytest.mark.parametrize(("paper", "rows"), DEFAULTS.items())
def test_default_row_is_the_same_run_in_every_table(paper: str, rows: str, scale: Scale) -> None:
    tables = (place.split(":") for place in rows.split())
    found = {
        tuple(
            cell.run.train_id
            for cell in load(f"{paper}/table{table}").cells(scale, rows=[row])
            if cell.tested and cell.run
        )
        for table, row in tables
    }
    assert len(found) == 1


@pytest.mark.parametrize("paper", ["msca", "xvit"])
def test_rows_of_a_table_differ_at_scale_tiny(paper: str) -> None:
    for table, _ in find([f"{paper}/*"]):
        tests = {
            (cell.row.key, cell.column.key): (cell.run.train_id, cell.run.eval_id, cell.column.metric.name)
            for cell in table.cells(TINY)
            if cell.tested and cell.run is not None
        }
        assert len(set(tests.values())) == len(tests), table.name


def test_different_scales_have_different_ids(table: Table) -> None:
    def ids(scale: Scale) -> set[str]:
        return {cell.run.train_id for cell in table.cells(scale) if cell.tested and cell.run}

    assert not ids(PAPER) & ids(TINY)


def test_ids_equal_the_golden_ids() -> None:
    """Trained runs are stored under their ids: change golden_ids.json only to discard them."""
    ids = {
        f"{name}:{cell.row.key}.{cell.column.key}@{scale.name}": f"{cell.run.train_id}/{cell.run.eval_id}"
        for name in sorted(captions())
        for scale in SCALES.values()
        for cell in load(name).cells(scale)
        if cell.tested and cell.run is not None
    }
    golden = json.loads(GOLDEN.read_text())
    assert {name: golden[name] for name in golden if ids.get(name) != golden[name]} == {}
    missing = [f" {json.dumps(name)}: {json.dumps(ids[name])}," for name in ids if name not in golden]
    assert not missing, "add to golden_ids.json:\n" + "\n".join(missing)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("motionformer/tabel4", "did you mean motionformer/table4"),
        ("motionformer/table4:trajectry", "did you mean 'motionformer/table4:trajectory'"),
        ("tble2a", "did you mean motionformer/table2a"),
        ("nothing", "unknown table 'nothing'; `reproduce list` shows all tables"),
        ("", "reproduce list"),
        ("motionformer", "'motionformer' is a paper: name one of its tables, or all with 'motionformer/*'"),
        ("cast/table1", "'cast/table1' has the parts cast/table1a, cast/table1b"),
        ("table4", "several papers have a table 'table4'; name one of cast/table4, motionformer/table4, msca/table4"),
    ],
)
def test_unknown_names_are_answered_with_what_may_be_meant(name: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        find([name])
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("names", "selected"),
    [
        (["motionformer/table2*"], [("motionformer/table2a", None), ("motionformer/table2b", None)]),
        (["table4:trajectory*"], [(T4, ("trajectory-avg-t", "trajectory-norm-st", "trajectory"))]),
        (["table4:trajectory"], [(T4, ("trajectory",))]),  # only one of several tables has such a row
        (["table6b:mformer"], [("motionformer/table6b", ("mformer",))]),
        ([f"{T4}:joint", T4], [(T4, None)]),
        ([T4, "*/table4:joint"], [(T4, None)]),
        (["*/table4:joint", "*/table4:divided", "*/table4:joint"], [(T4, ("joint", "divided"))]),
    ],
)
def test_names_and_globs_select_tables_once_and_rows(names: list[str], selected: list[tuple[str, object]]) -> None:
    assert [(table.name, rows) for table, rows in find(names)] == selected


def test_tables_of_a_paper_are_in_natural_order(papers: Callable[[str], Path]) -> None:
    write_tables(papers("made"), "table10", "table2", "table2b", "figure1", "table2a")
    assert names_listed("made/*") == [f"made/{n}" for n in ("figure1", "table2", "table2a", "table2b", "table10")]


@pytest.fixture
def papers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Function that makes a paper, in a new directory listed in $REPRODUCE_PAPERS."""
    before, modules = list(experiments.__path__), set(sys.modules)
    roots: list[str] = []

    def make(paper: str) -> Path:
        root = tmp_path / f"papers {len(roots)}"
        (folder := root / paper).mkdir(parents=True)
        (folder / "__init__.py").touch()
        roots.append(str(root))
        monkeypatch.setenv(PAPERS, ":".join(roots))
        return folder

    yield make
    experiments.__path__[:] = before
    for name in set(sys.modules) - modules:
        if name.startswith("experiments.made"):
            del sys.modules[name]
    imported.cache_clear()


def write_tables(folder: Path, *names: str, file: str = "tables") -> Path:
    """Write a file of small tables."""
    tables = (
        f"TABLE_{index} = Table(name='{folder.name}/{name}', caption='Of {name}', source='', labels=('Model',),\n"
        f"    columns=TOP1_COLUMNS, rows=(row('ours', ('Ours',), paper=(1.0, 2.0)),), notes=())\n"
        for index, name in enumerate(names)
    )
    imports = (
        "from experiments.motionformer.base import TOP1_COLUMNS\nfrom experiments.spec.language import Table, row\n"
    )
    path = folder / f"{file}.py"
    path.write_text(imports + "".join(tables))
    return path


def test_outside_directories_add_papers_to_ours(papers: Callable[[str], Path]) -> None:
    ours = dict(captions())
    write_tables(papers("made"), "table1")
    write_tables(papers("made2"), "table1", "table2")
    added = {"made/table1": "Of table1", "made2/table1": "Of table1", "made2/table2": "Of table2"}
    assert captions() == {**ours, **added}
    ((table, rows),) = find(["made/table1"])
    assert (table.name, rows) == ("made/table1", None)
    assert load("made2/table1").paper == "made2"
    assert find(["made/*"])[0].table.find_row("ours").paper == (1.0, 2.0)
    with pytest.raises(ValueError, match="did you mean made/table1"):
        find(["made/tabel1"])


def test_a_file_outside_that_cannot_be_imported_is_named(papers: Callable[[str], Path]) -> None:
    broken = write_tables(papers("made"), "table2")
    broken.write_text(broken.read_text().replace("notes=()", "notes=None + 1"))
    with pytest.raises(ValueError, match=r"^experiments/made/tables\.py cannot be imported: TypeError: unsupported"):
        find(["made/table2"])


def test_a_table_outside_is_named_once_and_after_its_paper(papers: Callable[[str], Path]) -> None:
    write_tables(folder := papers("made"), "table1")
    write_tables(folder, "table1", file="more")
    with pytest.raises(ValueError, match=r"tables\.py: table 'made/table1'; name each table once, as made/\.\.\."):
        captions()


def test_a_paper_may_have_released_weights_and_a_readme(papers: Callable[[str], Path]) -> None:
    folder = papers("made")
    assert released_weights("made") is None and released_weights("nothing") is None
    (folder / "released.py").write_text("RELEASED = 'the weights'\n")
    assert released_weights("made") == "the weights"
    ours = released_weights("motionformer")
    assert ours is not None and len(ours.files) == 16
    assert paper_file("made", "README.md") is None
    (folder / "README.md").write_text("# Made\n")
    assert paper_file("made", "README.md") == folder / "README.md"
    assert paper_file("motionformer", "README.md") is not None


def test_missing_directory_of_papers_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, papers: Callable[[str], Path]
) -> None:
    papers("made")
    monkeypatch.setenv(PAPERS, str(tmp_path / "nowhere"))
    for call in (captions, lambda: find(["motionformer/table4"])):
        with pytest.raises(ValueError, match=rf"^\$REPRODUCE_PAPERS: there is no folder {tmp_path}/nowhere$"):
            call()


def test_an_override_of_a_part_changes_only_the_runs_that_have_it() -> None:
    table, text = load("motionformer/table4"), "data.augmentation.rand_augment.as_released=True"
    plain, changed = (
        {(c.row.key, c.column.key): c.run for c in table.cells(overrides=overrides) if c.tested}
        for overrides in ((), (text,))
    )
    same = {cell for cell, run in plain.items() if run == changed[cell]}
    assert same == {("joint", "ssv2"), *(cell for cell in plain if cell[1] == "k400")}
    with pytest.raises(ValueError, match="is not a config and has no fields"):
        table.cells(rows=["joint"], overrides=[text])
    with pytest.raises(ValueError, match="has no field 'other'"):
        table.cells(overrides=["data.augmentation.rand_augment.other=True"])
