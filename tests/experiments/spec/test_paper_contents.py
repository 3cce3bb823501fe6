"""What papers print besides the tables of the catalog."""

from experiments.spec.catalog import captions, papers
from experiments.spec.paper_contents import contents


def test_every_paper_has_contents_with_its_address() -> None:
    for paper in papers():
        found = contents(paper)
        assert found is not None and found.title and found.url.startswith("https://arxiv.org/abs/"), paper


def test_what_is_missing_is_not_in_the_catalog() -> None:
    for paper in papers():
        found = contents(paper)
        assert found is not None
        here = [missing.name for missing in found.missing if f"{paper}/{missing.name}" in captions()]
        assert not here, f"remove {', '.join(here)} from experiments/{paper}/contents.py"


def test_a_paper_without_contents_has_none() -> None:
    assert contents("nothing") is None
