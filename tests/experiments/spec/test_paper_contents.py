"""Every table and figure of a paper is in the catalog, or named as a drawing."""

import pytest

from experiments.spec.catalog import captions, contents_of_papers, find, without_numbers


@pytest.mark.parametrize("paper", contents_of_papers())
def test_what_is_here_is_in_the_catalog_and_drawings_are_not(paper: str) -> None:
    contents = contents_of_papers()[paper]
    in_catalog = {name.partition("/")[2] for name in captions() if name.startswith(f"{paper}/")}
    assert set(contents.here) <= in_catalog
    assert not {*contents.without_numbers} & in_catalog
    numbered = {name for name in in_catalog if name.startswith(("table", "figure"))}
    assert numbered <= set(contents.here), f"name them under `here` in experiments/{paper}/contents.py"


def test_every_paper_has_contents() -> None:
    assert {name.partition("/")[0] for name in captions()} <= set(contents_of_papers())


def test_every_paper_has_its_title_and_address() -> None:
    for paper, contents in contents_of_papers().items():
        assert contents.title and contents.url.startswith("https://arxiv.org/abs/"), paper


def test_a_drawing_is_named_as_one_without_numbers() -> None:
    name, caption = next(iter(without_numbers().items()))
    with pytest.raises(ValueError, match="contains no numbers") as raised:
        find([name])
    assert name in str(raised.value) and caption in str(raised.value)
