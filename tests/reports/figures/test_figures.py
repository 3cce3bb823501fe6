"""Figures: their drawers, saving with the report, and detection of stale files."""

import ast
import importlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.text import Text
from PIL import Image

from experiments.spec.catalog import load
from experiments.spec.figures import Figure, Panels
from experiments.spec.run import RunConfig
from experiments.spec.scales import TINY
from experiments.spec.table import Table
from reports.collect import collect
from reports.figures import figures, line_panels
from reports.figures.attention_strips import AttentionStripDrawer
from reports.figures.class_margins import ClassMarginBars
from reports.figures.drawer import Drawer
from reports.figures.empty_figure import empty_figure
from reports.figures.line_panels import LinePanels
from reports.pages.render import markdown, stale, write
from reports.pages.report import Report
from reports.publish import publish
from runner.machine.files import StoreError
from runner.store.store import RunStore

Finish = Callable[..., None]
ROOT = Path(__file__).resolve().parents[3]
FIGURE3 = load("motionformer/figure3")
DRAWERS: dict[str, type[Drawer]] = {
    "motionformer/figure3": LinePanels,
    "motionformer/classes": ClassMarginBars,
    "motionformer/figure4": AttentionStripDrawer,
}


def run_of(cell: str, seed: int = 0) -> RunConfig:
    return FIGURE3.run_of(cell, TINY, (), seed)


def test_a_figure_without_results_has_no_drawer(store: RunStore) -> None:
    for name in DRAWERS:
        report = collect(load(name), TINY, store)
        assert figures.drawer(report) is None
        assert figures.pictured_column(report) is None


@pytest.mark.parametrize(("name", "kind"), DRAWERS.items())
def test_each_kind_of_figure_has_its_drawer(
    store: RunStore, finish: Finish, keep_maps: Callable[..., Path], tmp_path: Path, name: str, kind: type[Drawer]
) -> None:
    table = load(name)
    if kind is AttentionStripDrawer:
        keep_maps("k400", TINY)
    else:
        for row in table.rows:
            finish(table.run_of(f"{row.key}.{table.columns[0].key}", TINY, (), 0), 60.0, classes={"up": [1, 2]})
    drawer = figures.drawer(collect(table, TINY, store))
    assert drawer is not None and type(drawer) is kind
    assert drawer.has_content() and drawer.data()
    assert drawer.draw("Look here.").get_supxlabel() == "Look here."
    paths = figures.files(drawer.report, tmp_path / "report.md")
    assert set(paths) == ({"picture", "data"} if drawer.saves_data else {"picture"})
    has_pictures_of_runs = kind is AttentionStripDrawer
    assert figures.pictured_column(drawer.report) == drawer.column == ("top1" if has_pictures_of_runs else None)
    assert list(figures.row_pictures(drawer.report)) == (["k400"] if has_pictures_of_runs else [])


def test_each_type_of_figure_has_a_drawer() -> None:
    types = {kind for kind in Figure.__subclasses__() if kind.__module__ == Figure.__module__}
    assert set(figures.DRAWERS) == types
    for module, name in figures.DRAWERS.values():
        assert issubclass(getattr(importlib.import_module(module), name), Drawer)


def test_no_module_asks_for_the_type_of_a_figure() -> None:
    kinds = {kind.__name__ for kind in figures.DRAWERS}
    found = []
    folders = ("reports", "reproduce", "experiments/spec", "runner")
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.MatchClass):
                tested = node.cls
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
                tested = node.args[1]
            else:
                continue
            found += [(file.name, n.id) for n in ast.walk(tested) if isinstance(n, ast.Name) and n.id in kinds]
    assert not found


def test_there_is_no_picture_without_results(store: RunStore, tmp_path: Path) -> None:
    report = collect(FIGURE3, TINY, store)
    text = markdown(report)
    assert "![" not in text and "Drawn from" not in text
    path = write(report, tmp_path)
    assert not path.with_suffix(".png").exists()
    with pytest.raises(ValueError, match="nothing to draw yet: `reproduce run motionformer/figure3` first"):
        figures.save_picture(report, tmp_path / "picture.png")


def test_a_saved_figure_is_reproducible_and_stale_when_results_change(
    store: RunStore, figure3_results: None, finish: Finish, tmp_path: Path
) -> None:
    report = collect(FIGURE3, TINY, store)
    path = write(report, tmp_path)
    picture, data = path.with_suffix(".png"), path.with_suffix(".csv")
    before = picture.read_bytes()
    with Image.open(picture) as image:
        assert min(image.size) > 500
    assert f"]({picture.name})" in path.read_text()
    assert f"]({data.name})" in path.read_text()
    write(report, tmp_path)
    assert picture.read_bytes() == before
    assert not stale(report, tmp_path)
    finish(run_of("joint.k400-1"), 1.0)
    changed = collect(FIGURE3, TINY, store)
    path.write_text(markdown(changed))
    assert stale(changed, tmp_path)
    write(changed, tmp_path)
    assert not stale(changed, tmp_path)


def test_a_saved_figure_is_drawn_again_after_a_change_of_results_or_code(
    store: RunStore, figure3_results: None, finish: Finish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Report] = []

    def draw(report: Report, panels: Panels, notice: str | None) -> MatplotlibFigure:
        drawn.append(report)
        return real(report, panels, notice)

    real = line_panels.draw
    monkeypatch.setattr(line_panels, "draw", draw)
    report = collect(FIGURE3, TINY, store)
    picture = write(report, tmp_path).with_suffix(".png")
    write(report, tmp_path)
    assert len(drawn) == 1
    os.utime(picture, (0, Path(line_panels.__file__).stat().st_mtime - 1))
    write(report, tmp_path)
    assert len(drawn) == 2
    finish(run_of("joint.k400-1"), 1.0)
    write(collect(FIGURE3, TINY, store), tmp_path)
    assert len(drawn) == 3
    picture.unlink()
    write(collect(FIGURE3, TINY, store), tmp_path)
    assert len(drawn) == 4


@pytest.mark.parametrize("suffix", [".png", ".csv"])
@pytest.mark.parametrize("content", [None, b"", b"\xff broken", "half"])
def test_a_missing_or_damaged_file_makes_a_figure_stale(
    store: RunStore, figure3_results: None, tmp_path: Path, suffix: str, content: bytes | str | None
) -> None:
    report = collect(FIGURE3, TINY, store)
    file = write(report, tmp_path).with_suffix(suffix)
    whole = file.read_bytes()
    if content is None:
        file.unlink()
    else:
        file.write_bytes(whole[: len(whole) // 2] if isinstance(content, str) else content)
    assert stale(report, tmp_path)


def test_the_notice_names_scale_released_weights_and_overrides(
    store: RunStore, figure3_results: None, finish: Finish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices = []
    draw = line_panels.draw
    monkeypatch.setattr(line_panels, "draw", lambda *parts: notices.append(parts[2]) or draw(*parts))
    write(collect(FIGURE3, TINY, store), tmp_path)
    finish(run_of("joint.k400-1"), 58.0, released_weights={"file": "joint.pyth", "sha256": "0"})
    released = collect(FIGURE3, TINY, store)
    (tmp_path / "motionformer" / "figure3.tiny.md").write_text(markdown(released))
    assert stale(released, tmp_path)  # equal numbers, but of released weights
    write(released, tmp_path)
    assert not stale(released, tmp_path)
    finish(FIGURE3.run_of("joint.k400-1", TINY, ("optim.epochs=1",), 0), 20.0)
    figures.save_picture(collect(FIGURE3, TINY, store, overrides=("optim.epochs=1",)), tmp_path / "picture.png")
    small = "Scale tiny: small models on generated stand-in videos."
    assert notices == [
        small,
        f"{small}\nReleased weights, tested here: Joint Space-Time.",
        f"{small}\nNot the table's runs: optim.epochs=1.",
    ]


def test_a_long_notice_stays_inside_the_picture() -> None:
    figure = empty_figure(4, 2, "Scale tiny.\nPublished results, not run here: " + "; ".join(["Joint, K-400"] * 20))
    figure.subplots()
    FigureCanvasAgg(figure).draw()
    width, height = figure.get_size_inches() * figure.dpi
    box = figure.findobj(lambda artist: isinstance(artist, Text) and "Scale" in artist.get_text())[
        0
    ].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and height > 2 * figure.dpi
    assert "K-\n" not in figure.get_supxlabel()


def test_marked_rows_are_named_the_shortest_way(store: RunStore, figure3_results: None, finish: Finish) -> None:
    def notice(*rows: str) -> str:
        for row in rows:
            finish(run_of(f"{row}.k400-1"), 58.0, released_weights={"file": "a.pyth", "sha256": "0"})
        return (figures.notice(collect(FIGURE3, TINY, store)) or "").partition("tested here: ")[2]

    assert notice("joint") == "Joint Space-Time."
    assert notice("divided") == "all rows but Trajectory."
    assert notice("trajectory") == "all rows."
    report = collect(FIGURE3, TINY, store)
    assert "Released" not in str(figures.notice(report, ["k400-2"]))  # of the columns in the picture


def test_the_digest_contains_names_of_rows_labels_of_axes_and_warnings(
    store: RunStore, figure3_results: None, tmp_path: Path
) -> None:
    report = collect(FIGURE3, TINY, store)
    assert isinstance(FIGURE3.figure, Panels)
    path = write(report, tmp_path)
    assert not figures.stale(report, path)
    panel = replace(FIGURE3.figure.grid[0][0], x_label="stride")
    renamed = replace(FIGURE3.rows[0], labels=("Joint",))
    real = replace(report.facts, generated=(), given=("kinetics400",))
    for changed in (
        replace(report, table=replace(FIGURE3, figure=replace(FIGURE3.figure, grid=((panel,),)))),
        replace(report, table=replace(FIGURE3, rows=(renamed, *FIGURE3.rows[1:]))),
        replace(report, facts=real),
    ):
        (tmp_path / "copy.png").write_bytes(path.with_suffix(".png").read_bytes())
        drawer = figures.drawer(changed)
        assert drawer is not None
        (tmp_path / "copy.csv").write_text(drawer.data())
        assert figures.stale(changed, tmp_path / "copy.md")


def test_published_points_are_named_in_the_notice_and_in_the_data(
    store: RunStore, figure3_results: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices = []
    draw = line_panels.draw
    monkeypatch.setattr(line_panels, "draw", lambda *parts: notices.append(parts[2]) or draw(*parts))
    report = collect(FIGURE3, TINY, store, rows=["joint"])
    publish(report, store)
    fresh = collect(FIGURE3, TINY, RunStore(tmp_path / "fresh", results=store.results), rows=["joint"])
    for shown in (report, fresh):
        figures.save_picture(shown, tmp_path / "picture.png")
    assert "Published results" not in notices[0]
    assert notices[1].endswith("\nPublished results, not run here: Joint Space-Time.")
    headers = [found.data().splitlines()[0] for shown in (report, fresh) if (found := figures.drawer(shown))]
    assert [header.endswith(",published") for header in headers] == [False, True]


def test_an_unwritable_picture_path_is_an_error(store: RunStore, figure3_results: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write .*picture\.png"):
        figures.save_picture(collect(FIGURE3, TINY, store), tmp_path / "file" / "picture.png")


def test_a_table_without_a_figure_has_no_picture(table: Table, store: RunStore, finish: Finish, tmp_path: Path) -> None:
    finish(table.run_of("joint.k400", TINY, (), 0), 50.0)
    report = collect(table, TINY, store)
    assert figures.drawer(report) is None
    assert figures.files(report, tmp_path / "table.md") == {}
    assert figures.row_pictures(report) == {}
    assert figures.pictured_column(report) is None


def test_a_report_without_printed_numbers_does_not_mention_them(store: RunStore, figure3_results: None) -> None:
    text = markdown(collect(FIGURE3, TINY, store))
    assert "All numbers are ours; the paper prints none." in text
    assert "not comparable with those of the paper." in text
    assert "(printed)" not in text
